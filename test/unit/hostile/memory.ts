/**
 * What is kept in memory: bytes in use once all garbage has been collected. What a process has of the system depends on when
 * that was done last, and on how much the machine has.
 *
 * @module
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Of objects and of buffers. What has been closed lets go of its own when the event loop comes round. */
export async function bytesInUse(): Promise<number> {
  for (let turn = 0; turn < 3; turn++) {
    await new Promise(setImmediate)
    collect()
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Less than this is not kept of what was read: it is what the compiler and tables have learned. */
export const littleBytes: number = 16 * 1024 * 1024
