/**
 * `npm run bench`: tsnet beside the kernel's own cost and its peers, in one run.
 *
 * README.md tells what is measured, how to read it and how to add a row. Nothing
 * here fails for being slow: a table of goals is printed, and people judge.
 *
 * @module
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { createLab } from '../../netns-fixtures/lab.ts'
import { type ContenderName, contenderNames } from './contenders/all.ts'
import { figuresOf } from './goals.ts'
import { measurePairs, type Series } from './pairs.ts'
import { type PartName, partNames, parts } from './parts/all.ts'
import { type Figure, isMet, type Yard } from './parts/part.ts'
import { renderPlot } from './plot.ts'
import { machine, renderReport } from './report.ts'
import { folders, prepare } from './yard.ts'

const usage = `usage: npm run bench -- [--quick] [--only NAME] [--part NAME] [--rounds N] [--others N,N]
  --quick      few rounds beside few containers: does it run, not how fast
  --only NAME  contenders whose name contains it, may be repeated; no parts unless --part asks for them:
               ${contenderNames.join(' ')}
  --part NAME  this part, may be repeated; no contenders unless --only asks for them:
               ${partNames.join(' ')}
  --rounds N   interleaved rounds, 25 without it
  --others N   containers that are there already, 0,150 without it
`

interface Options {
  readonly names: readonly ContenderName[]
  readonly parts: readonly PartName[]
  readonly quick: boolean
  readonly rounds: number
  readonly others: readonly number[]
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      part: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string' },
      others: { type: 'string' },
    },
  })
  const { quick, only, part } = values
  const all = only.length + part.length === 0
  const names = contenderNames.filter((name) => all || only.some((some) => name.includes(some)))
  const wanted = partNames.filter((name) => all || part.includes(name))
  const rounds = Number(values.rounds ?? (quick ? 3 : 25))
  const others = (values.others ?? (quick ? '0,5' : '0,150')).split(',').map(Number)
  if (names.length + wanted.length === 0 || ![rounds, ...others].every(Number.isInteger))
    throw new Error(usage)
  return { names, parts: wanted, quick, rounds, others }
}

function tell(text: string): void {
  process.stderr.write(`bench: ${text}\n`)
}

async function runParts(names: readonly PartName[], yard: Omit<Yard, 'lab'>): Promise<readonly Figure[]> {
  const figures: Figure[] = []
  for (const name of names) {
    tell(`${name}: ${parts[name].about}`)
    // A yard of its own for each: what one leaves running would be measured by the next.
    await using lab = await createLab()
    figures.push(...(await parts[name].run({ ...yard, lab })))
  }
  return figures
}

function writeResults(series: readonly Series[], figures: readonly Figure[]): void {
  const judged = figures.map((figure) => ({ ...figure, met: isMet(figure) }))
  const text = JSON.stringify({ machine: machine(), series, figures: judged }, null, 1)
  writeFileSync(`${folders.scratch}/results.json`, `${text}\n`)
  for (const others of new Set(series.map((one) => one.others))) {
    for (const operation of ['attach', 'detach'] as const)
      writeFileSync(`${folders.scratch}/${operation}-${others}.svg`, renderPlot(series, operation, others))
  }
}

async function main(): Promise<void> {
  const options = readOptions()
  const yard = { quick: options.quick, rounds: options.rounds, tell }
  await prepare()
  let series: readonly Series[] = []
  if (options.names.length > 0) {
    await using lab = await createLab()
    series = await measurePairs({ ...yard, lab }, options)
  }
  const figures = [...figuresOf(series), ...(await runParts(options.parts, yard))]
  const report = renderReport({ series, figures })
  process.stdout.write(report)
  writeFileSync(`${folders.scratch}/report.txt`, report)
  writeResults(series, figures)
  tell(`report.txt, results.json and plots (.svg) are in ${folders.scratch}`)
}

await main()
