/**
 * Runs inside a throwaway host, with one contender: makes sandboxes, and
 * measures when it is told to. bench.ts bundles and starts it, and talks to it
 * in lines of JSON.
 *
 * usage: runner CONTENDER ROOT SCRATCH
 *
 * Sandboxes are made before the first measurement and die with the host after
 * the last one: the kernel takes a namespace away in its own time, and that would
 * be somebody else's time here.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { readlinkSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ContenderName, contenders } from './contenders/all.ts'
import type { Box, Contender, Cost } from './contenders/contender.ts'

/** One of these in each line of standard input; the answer is an {@link Answer}. */
export type Order =
  | { readonly kind: 'boxes'; readonly count: number }
  | { readonly kind: 'attach'; readonly number: number }
  | { readonly kind: 'detach'; readonly number: number }
  /** Boxes from `first` on, all at the same time. */
  | { readonly kind: 'attachTogether'; readonly first: number; readonly count: number }
  | { readonly kind: 'detachTogether'; readonly first: number; readonly count: number }

export type Answer = { readonly cost: Cost | null } | { readonly error: string }

const [name = '', root = '', scratch = ''] = process.argv.slice(2)
const boxes: Box[] = []
const children: ChildProcess[] = []

async function makeBoxes(count: number): Promise<void> {
  const own = readlinkSync('/proc/self/ns/net')
  const made = Array.from({ length: count }, () =>
    spawn('unshare', ['-n', 'sleep', 'inf'], { stdio: 'ignore' }),
  )
  children.push(...made)
  for (const { pid = 0 } of made) {
    while (readlinkSync(`/proc/${pid}/ns/net`) === own) await sleep(1)
    boxes.push({ number: boxes.length, pid })
  }
}

async function carryOut(contender: Contender, order: Order): Promise<Cost | null> {
  if (order.kind === 'boxes') {
    await makeBoxes(order.count)
    return null
  }
  if (order.kind === 'attachTogether' || order.kind === 'detachTogether') {
    if (contender.together === undefined) throw new Error('it can do only one at a time')
    const some = boxes.slice(order.first, order.first + order.count)
    return contender.together[order.kind === 'attachTogether' ? 'attach' : 'detach'](some)
  }
  const box = boxes[order.number]
  if (box === undefined) throw new Error(`there is no box ${order.number}`)
  return contender[order.kind](box)
}

const contender = await contenders[name as ContenderName].open({ root, scratch })
for await (const line of createInterface({ input: process.stdin })) {
  const answer = await carryOut(contender, JSON.parse(line) as Order).then(
    (cost): Answer => ({ cost }),
    (error: unknown): Answer => ({
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    }),
  )
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
await contender.close()
for (const child of children) child.kill('SIGKILL')
