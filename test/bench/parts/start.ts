/**
 * What a cold command costs before it does anything, and how much memory it
 * takes.
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs'
import type { Lab } from '../../../netns-fixtures/lab.ts'
import { openStarter } from '../contenders/starter.ts'
import { intervalOf } from '../goals.ts'
import { summarize } from '../statistics.ts'
import { folders } from '../yard.ts'
import type { Figure, Part } from './part.ts'

const tsnet = `${folders.root}/dist/bin/tsnet`
const memoryLimitMb = 90
const startLimitMs = 25

export const start: Part = {
  about: 'what a cold command costs before it does anything, and its memory',
  run: async ({ lab, rounds }) => [...(await starts(rounds)), ...(await memory(lab))],
}

async function starts(rounds: number): Promise<readonly Figure[]> {
  const empty = `${folders.scratch}/empty.cjs`
  writeFileSync(empty, '')
  const commands = {
    process: ['/bin/true'],
    node: [process.execPath, empty],
    version: [process.execPath, tsnet, 'version'],
  } as const
  const samples: Record<keyof typeof commands, number[]> = { process: [], node: [], version: [] }
  const starter = openStarter(folders)
  for (let round = 0; round < rounds; round++) {
    for (const name of Object.keys(commands) as (keyof typeof commands)[])
      samples[name].push((await starter.one({ argv: [...commands[name]] })).ms)
  }
  starter.close()
  const figure = (what: string, ms: readonly number[]): Figure => {
    const summary = summarize(ms)
    return { what, value: summary.median, unit: 'ms', note: intervalOf(summary) }
  }
  const extra = samples.version.map((ms, i) => ms - (samples.node[i] ?? Number.NaN))
  return [
    figure('starting any process', samples.process),
    figure('node with an empty file', samples.node),
    figure('tsnet version', samples.version),
    { ...figure('of which tsnet', extra), goal: { atMost: startLimitMs } },
  ]
}

/** Largest resident memory of `tsnet setup`, in megabytes, by backend. */
async function memory(lab: Lab): Promise<readonly Figure[]> {
  const hook = `${folders.scratch}/memory.cjs`
  const file = `${folders.scratch}/memory.txt`
  writeFileSync(
    hook,
    `process.on('exit', () => require('node:fs').writeFileSync('${file}', String(process.resourceUsage().maxRSS)))\n`,
  )
  const host = await lab.host('memory')
  const figures: Figure[] = []
  for (const firewall of ['nftables', 'iptables']) {
    const box = await lab.container(host)
    const words = ['setup', '--netns', box.netns, '-p', '8080:80', '--firewall', firewall]
    await host.run([process.execPath, '--require', hook, tsnet, ...words])
    const value = Number(readFileSync(file, 'utf8')) / 1024
    figures.push({
      what: `memory of tsnet setup, ${firewall}`,
      value,
      unit: 'MB',
      goal: { atMost: memoryLimitMb },
    })
    await host.tsnet('teardown', '--netns', box.netns)
  }
  return figures
}
