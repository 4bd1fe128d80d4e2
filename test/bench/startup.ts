/**
 * What a cold command costs before it does anything, and how much memory it
 * takes.
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs'
import type { Lab } from '../../netns-fixtures/lab.ts'
import { runProgram, timed } from './contenders/contender.ts'
import { folders } from './yard.ts'

const tsnet = `${folders.root}/dist/bin/tsnet`

/** Milliseconds, a sample for each round. */
export interface StartSamples {
  /** Any process at all: what each program in the tables pays for being started from here. */
  readonly process: readonly number[]
  readonly node: readonly number[]
  readonly version: readonly number[]
}

export async function measureStart(rounds: number): Promise<StartSamples> {
  const empty = `${folders.scratch}/empty.cjs`
  writeFileSync(empty, '')
  const samples = { process: [] as number[], node: [] as number[], version: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    samples.process.push((await timed(() => runProgram(['true']))).ms)
    samples.node.push((await timed(() => runProgram([process.execPath, empty]))).ms)
    samples.version.push((await timed(() => runProgram([process.execPath, tsnet, 'version']))).ms)
  }
  return samples
}

/** Largest resident memory of `tsnet setup`, in megabytes, by backend. */
export async function measureMemory(lab: Lab): Promise<Readonly<Record<string, number>>> {
  const hook = `${folders.scratch}/memory.cjs`
  const file = `${folders.scratch}/memory.txt`
  writeFileSync(
    hook,
    `process.on('exit', () => require('node:fs').writeFileSync('${file}', String(process.resourceUsage().maxRSS)))\n`,
  )
  const host = await lab.host('memory')
  const megabytes: Record<string, number> = {}
  for (const firewall of ['nftables', 'iptables']) {
    const box = await lab.container(host)
    const words = ['setup', '--netns', box.netns, '-p', '8080:80', '--firewall', firewall]
    await host.run([process.execPath, '--require', hook, tsnet, ...words])
    megabytes[firewall] = Number(readFileSync(file, 'utf8')) / 1024
    await host.tsnet('teardown', '--netns', box.netns)
  }
  return megabytes
}
