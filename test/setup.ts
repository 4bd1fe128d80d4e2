/**
 * Runs once around every `vitest run`: tests must leave the machine alone.
 *
 * Compares links, addresses, routes and rules of the machine's own namespace
 * before and after, and looks for processes of labs that outlived their test.
 * Fails the run when it finds any. On a machine where containers come and go
 * meanwhile it reports those too; run the tests elsewhere then.
 *
 * @module
 */
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Snapshot, snapshotDifference, snapshotOfThisMachine } from '../netns-fixtures/snapshot.ts'

const endLimitMs = 60_000

let before: Snapshot
const run = randomUUID()

/** Before the first test file. */
export async function setup(): Promise<void> {
  process.env['TSNET_LAB_RUN'] = run
  before = await snapshotOfThisMachine()
}

/** After the last one. */
export async function teardown(): Promise<void> {
  const found = snapshotDifference(before, await snapshotOfThisMachine())
  // Who was killed with the last test worker may need a moment to end.
  for (const deadline = Date.now() + endLimitMs; survivors().length > 0 && Date.now() < deadline; )
    await sleep(50)
  const left = survivors().map((text) => `process left behind: ${text}`)
  if (found.length + left.length === 0) return
  // Vitest 4.1 prints what a teardown throws and still exits with 0.
  process.exitCode = 1
  throw new Error(`the tests have changed the machine they ran on:\n${[...found, ...left].join('\n')}`)
}

/** Processes of this very run, known by the mark in their environment, that sit in another network namespace. */
function survivors(): string[] {
  const here = readlinkSync('/proc/self/ns/net')
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => read(`/proc/${pid}/environ`).split('\0').includes(`TSNET_LAB_RUN=${run}`))
    .filter((pid) => !['', here].includes(namespaceOf(pid)))
    .map(
      (pid) =>
        `${pid} ${read(`/proc/${pid}/cmdline`)
          .replaceAll(/\s+|\0/g, ' ')
          .slice(0, 100)
          .trimEnd()}`,
    )
}

function namespaceOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`)
  } catch {
    return '' // it ended meanwhile
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // it ended meanwhile, or belongs to another user
  }
}
