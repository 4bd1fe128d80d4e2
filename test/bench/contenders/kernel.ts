/**
 * The kernel's own cost: kernel-cost.c, kept running and asked line by line.
 *
 * It measures itself, so that neither a process start nor a pipe is in its
 * figures.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Contender, Cost, Folders } from './contender.ts'
import { runProgram } from './contender.ts'

const bridge = 'kcbr0'
const gateways = ['10.99.0.1', 'fd99::1'] as const

/** Compiles it. @throws Error with the compiler's words */
export function compileKernelCost({ root, scratch }: Folders): void {
  runProgram(['gcc', '-O2', '-Wall', '-o', `${scratch}/kernel-cost`, `${root}/test/bench/kernel-cost.c`])
}

export async function openKernel({ scratch }: Folders): Promise<Contender> {
  runProgram(['sh', '-ec', prepare])
  const child = spawn(`${scratch}/kernel-cost`, [bridge, ...gateways], { stdio: ['pipe', 'pipe', 'inherit'] })
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ask = async (line: string): Promise<Cost> => {
    child.stdin.write(`${line}\n`)
    const { value, done } = await answers.next()
    if (done === true) throw new Error(`kernel-cost ended at: ${line}`)
    return { ms: Number(value) / 1000, processes: 0 }
  }
  return {
    attach: ({ number, pid }) => ask(`attach ${number} ${pid}`),
    detach: ({ number }) => ask(`detach ${number}`),
    close: async () => void child.kill(),
  }
}

const map = (family: 4 | 6): string =>
  `add map inet kernelcost ports${family} { type inet_proto . inet_service : ipv${family}_addr . inet_service; }`

const prepare = `
ip link add ${bridge} type bridge
ip addr add ${gateways[0]}/16 dev ${bridge}
ip addr add ${gateways[1]}/64 dev ${bridge} nodad
ip link set ${bridge} up
nft -f - <<'END'
add table inet kernelcost
${map(4)}
${map(6)}
END
`
