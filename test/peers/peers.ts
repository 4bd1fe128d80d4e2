/**
 * `npm run test:peers`: what is left of containers after a crash, after errors
 * and in a crowd, at tsnet and at its peers, judged alike. Prints a table.
 *
 * @module
 */
import { parseArgs } from 'node:util'
import { compare, render } from './table.ts'

const usage =
  'usage: npm run test:peers -- [--calls 40] [--together 100] [--pool 60] [--row TEXT] [--verbose]\n'

const { values } = parseArgs({
  options: {
    calls: { type: 'string', default: '40' },
    together: { type: 'string', default: '100' },
    pool: { type: 'string', default: '60' },
    row: { type: 'string', default: '' },
    verbose: { type: 'boolean', default: false },
  },
})
const [calls = Number.NaN, together = Number.NaN, pool = Number.NaN] = [
  values.calls,
  values.together,
  values.pool,
].map(Number)
if (![calls, together, pool].every((one) => Number.isInteger(one) && one > 0)) throw new Error(usage)
const tell = (line: string): void => void process.stderr.write(`${line}\n`)
const table = await compare({
  calls,
  together,
  pool,
  flushMs: 3000,
  tell,
  row: values.row,
  verbose: values.verbose,
})
process.stdout.write(render(table))
