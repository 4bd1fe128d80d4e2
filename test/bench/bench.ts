/**
 * `npm run bench`: tsnet beside the kernel's own cost and its peers, in one run.
 *
 * In each round every contender attaches and detaches one fresh sandbox, one
 * after the other, each in its own throwaway host; who begins changes from round
 * to round. README.md tells how to read what comes out. Nothing here fails for
 * being slow: a verdict is printed, and people judge.
 *
 * @module
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { contenderNames, contenders } from './contenders/all.ts'
import type { Cost } from './contenders/contender.ts'
import { type Measured, machine, ratiosOf, renderReport, type Series } from './report.ts'
import { measureMemory, measureStart } from './startup.ts'
import { folders, prepare, type Runner, startRunner } from './yard.ts'

const usage = `usage: npm run bench -- [--quick] [--only NAME] [--rounds N] [--others N,N]
  --quick      few rounds beside few containers: does it run, not how fast
  --only NAME  contenders whose name contains it, may be repeated: ${contenderNames.join(' ')}
  --rounds N   interleaved rounds, 25 without it
  --others N   containers that are there already, 0,150 without it
`

interface Options {
  readonly names: readonly (typeof contenderNames)[number][]
  readonly rounds: number
  readonly others: readonly number[]
}

/** The first of all rounds count for nothing: programs and libraries are not in memory yet. */
const warmUp = 2

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string' },
      others: { type: 'string' },
    },
  })
  const { quick, only } = values
  const names = contenderNames.filter((name) => only.length === 0 || only.some((part) => name.includes(part)))
  const rounds = Number(values.rounds ?? (quick ? 3 : 25))
  const others = (values.others ?? (quick ? '0,5' : '0,150')).split(',').map(Number)
  if (names.length === 0 || ![rounds, ...others].every(Number.isInteger)) throw new Error(usage)
  return { names, rounds, others }
}

function tell(text: string): void {
  process.stderr.write(`bench: ${text}\n`)
}

async function startAll(lab: Lab, { names, rounds, others }: Options): Promise<readonly Runner[]> {
  const runners: Runner[] = []
  for (const count of others) {
    for (const name of names.filter((one) => count === 0 || contenders[one].alone !== true)) {
      tell(`${name}: a host with ${count} containers`)
      runners.push(await startRunner(lab, name, { others: count, rounds: rounds + warmUp }))
    }
  }
  return runners
}

async function measure(runners: readonly Runner[], rounds: number): Promise<readonly Series[]> {
  const costs = new Map(runners.map((runner) => [runner, { attach: [] as Cost[], detach: [] as Cost[] }]))
  for (let round = 0; round < rounds + warmUp; round++) {
    tell(`round ${round + 1} of ${rounds + warmUp}`)
    const first = round % runners.length
    for (const runner of [...runners.slice(first), ...runners.slice(0, first)]) {
      const attach = await runner.attach(round)
      const detach = await runner.detach(round)
      if (round < warmUp) continue
      costs.get(runner)?.attach.push(attach)
      costs.get(runner)?.detach.push(detach)
    }
  }
  return [...costs].map(([{ name, others }, { attach, detach }]) => {
    const processes = attach.flatMap((cost) => cost.processes ?? [])
    return {
      name,
      others,
      attachMs: attach.map(({ ms }) => ms),
      detachMs: detach.map(({ ms }) => ms),
      processes: processes.length === 0 ? undefined : Math.max(...processes),
    }
  })
}

async function main(): Promise<void> {
  const options = readOptions()
  await prepare()
  await using lab = await createLab()
  const runners = await startAll(lab, options)
  const series = await measure(runners, options.rounds)
  await Promise.all(runners.map((runner) => runner.stop()))
  tell('start and memory')
  const measured: Measured = {
    series,
    start: await measureStart(options.rounds),
    memoryMb: await measureMemory(lab),
  }
  process.stdout.write(renderReport(measured))
  const file = `${folders.scratch}/results.json`
  writeFileSync(
    file,
    `${JSON.stringify({ machine: machine(), ...measured, ratios: ratiosOf(series) }, null, 1)}\n`,
  )
  tell(`all samples are in ${file}`)
}

await main()
