/**
 * Runs the kernel contract on the real kernel, in the throwaway host this
 * process was started in, and prints one JSON line for each case.
 *
 * @module
 */

import type { Kernel } from '../../../lib/kernel/kernel.ts'
import { createLinuxKernel } from '../../../lib/kernel/linux.ts'
import { runToEnd } from '../../../netns-fixtures/process.ts'
import { snapshotHere } from '../../../netns-fixtures/snapshot.ts'
import { type KernelWorld, kernelContract } from '../../contract/kernel.contract.ts'
import { Sandboxes } from './sandboxes.ts'

const sweep =
  'for dev in $(ls /sys/class/net); do [ "$dev" = lo ] || ip link delete "$dev" 2>/dev/null || true; done; nft flush ruleset'

for (const { title, run } of kernelContract) {
  const sandboxes = new Sandboxes()
  const kernels: Kernel[] = []
  const world: KernelWorld = {
    kernel: (options) => {
      const kernel = createLinuxKernel(options)
      kernels.push(kernel)
      return kernel
    },
    sandbox: () => sandboxes.make(),
    endSandbox: async (path) => {
      await sandboxes.end(path)
    },
    dump: async () => {
      const inside = await Promise.all(sandboxes.paths.map((path) => snapshotHere(path)))
      return JSON.stringify([await snapshotHere(), ...inside], undefined, 1)
    },
  }
  let error: string | undefined
  try {
    await run(world)
  } catch (caught) {
    error = caught instanceof Error ? `${caught.stack}` : String(caught)
  }
  for (const kernel of kernels) kernel.close()
  await sandboxes.endAll()
  await runToEnd(['sh', '-c', sweep])
  console.log(JSON.stringify({ title, error }))
}
