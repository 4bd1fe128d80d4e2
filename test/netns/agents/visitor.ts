/**
 * Is in a network namespace for a while, as `tsnet ps` is for a moment: with its
 * main thread alone. Says `inside`, and `back` once it has read a line.
 *
 * Usage: visitor.ts NETNS
 *
 * @module
 */
import { readSync, writeSync } from 'node:fs'
import { openNetns, withNetns } from '../../../lib/kernel/namespace/netns.ts'

withNetns(openNetns(process.argv[2] ?? ''), () => {
  writeSync(1, 'inside\n')
  readSync(0, Buffer.alloc(1))
})
writeSync(1, 'back\n')
