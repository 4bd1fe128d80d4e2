/**
 * tsnet's name server, dnsmasq and Debian's aardvark-dns in one throwaway host,
 * each on an address of its own, all knowing the same names.
 *
 * @module
 */
import { createRequire } from 'node:module'
import type { Host } from '../../../netns-fixtures/host.ts'
import { repository } from '../../../netns-fixtures/place.ts'

/** Names that are asked for. */
const names = 200

export const addresses = {
  tsnet: '10.99.0.1',
  dnsmasq: '10.99.0.2',
  aardvark: '10.99.0.3',
  /** tsnet with a process for each core. */
  spread: '10.99.0.4',
  /** tsnet with 10,000 names. */
  many: '10.99.0.5',
} as const

export type Server = keyof typeof addresses

/** What the agent has measured; the server goes on. */
export interface Started {
  readonly changesMs: readonly number[]
  readonly residentMb: readonly number[]
  readonly pids: readonly number[]
}

export async function startTsnet(
  host: Host,
  server: Server,
  wish: { readonly names?: number; readonly workers?: number },
): Promise<Started> {
  const loader = createRequire(import.meta.url).resolve('tsx')
  const file = `${repository}test/bench/names/agent.ts`
  const words = [addresses[server], `${wish.names ?? names}`, `${wish.workers ?? 1}`, `/run/${server}.sock`]
  const { stdout } = await host.run([process.execPath, '--import', loader, file, ...words], {
    timeoutMs: 120_000,
  })
  return JSON.parse(stdout) as Started
}

/** Each on the second core; the first is for whoever asks. */
export async function startServers(host: Host): Promise<void> {
  const all = Object.values(addresses).map((address) => `ip addr add ${address}/16 dev b0`)
  await host.sh(
    `ip link add b0 type bridge && ip link set b0 up && ${all.join(' && ')} && mkdir -p /run/aardvark`,
  )
  const ids = Array.from({ length: names }, (_, i) => i)
  const write = (file: string, text: string): Promise<unknown> => host.sh(`cat > ${file}`, { stdin: text })
  await write('/run/questions', ids.map((i) => `n${i} A\n`).join(''))
  await write('/run/hosts', ids.map((i) => `10.99.1.${i} n${i}\n`).join(''))
  const records = ids.map((i) => `${i} 10.99.1.${i}  n${i}\n`).join('')
  await write('/run/aardvark/bench', `${addresses.aardvark}\n${records}`)
  await startTsnet(host, 'tsnet', {})
  const quiet = ['-k', '-h', '-R', '-n', '-z', '-C', '/dev/null', '--user=root', '--pid-file=']
  host.start(['dnsmasq', ...quiet, '-H', '/run/hosts', '-a', addresses.dnsmasq])
  const aardvark = ['/usr/lib/podman/aardvark-dns', '--config', '/run/aardvark', '-p', '53', 'run']
  await host.run(aardvark, { timeoutMs: 10_000 })
  for (const server of ['tsnet', 'dnsmasq', 'aardvark'] as const) {
    await host.sh(`until ss -lnuH 'src ${addresses[server]}' | grep -q :53; do sleep 0.05; done`)
    await spreadOver(host, server, '1')
  }
}

/** Binds a server's processes to these cores. */
export async function spreadOver(host: Host, server: Server, cores: string): Promise<void> {
  for (const pid of await pidsAt(host, server)) await host.run(['taskset', '-a', '-p', '-c', cores, `${pid}`])
}

/** The processes that answer there. */
export async function pidsAt(host: Host, server: Server): Promise<readonly number[]> {
  const { stdout } = await host.sh(`ss -lnupH 'src ${addresses[server]}'`)
  return [...new Set([...stdout.matchAll(/pid=(\d+)/g)].map(([, pid]) => Number(pid)))]
}
