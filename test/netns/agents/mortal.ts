/**
 * Does one thing and is killed, with SIGKILL, instead of its nth effect: a
 * change below the state folder, the beginning or the end of a step, a step taken
 * back.
 *
 * Arguments: n, firewall, then `setup PATH ID`, `teardown ID`, `create NAME` or
 * `rm NAME`. Ends with 0 and prints how many effects there were when it had
 * fewer.
 *
 * @module
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import type { FirewallBackend } from '../../../lib/index.ts'
import type { Kernel } from '../../../lib/kernel/kernel.ts'

const [nth, firewall, task, first = '', second = ''] = process.argv.slice(2)
let effects = 0

function effect(): void {
  if (++effects === Number(nth)) process.kill(process.pid, 'SIGKILL')
}

const { writeFileSync, renameSync, unlinkSync, rmdirSync } = fs
const ours = (path: unknown): boolean => /^\/(run|var\/lib|proc\/sys)\//.test(String(path))
Object.assign(fs, {
  writeFileSync: (...args: Parameters<typeof writeFileSync>) => {
    if (ours(args[0])) effect()
    writeFileSync(...args)
  },
  renameSync: (...args: Parameters<typeof renameSync>) => {
    effect()
    renameSync(...args)
  },
  unlinkSync: (...args: Parameters<typeof unlinkSync>) => {
    effect()
    unlinkSync(...args)
  },
  rmdirSync: (...args: Parameters<typeof rmdirSync>) => {
    effect()
    rmdirSync(...args)
  },
})
syncBuiltinESMExports()

async function live(): Promise<void> {
  // After the patches: these modules hold what they import.
  const { createLinuxKernel } = await import('../../../lib/kernel/linux.ts')
  const { decodeCreateNetwork, decodeSetupRequest, engineOn } = await import('../../../lib/index.ts')
  const linux = createLinuxKernel({ onStep: effect })
  const revert: Kernel['revert'] = async (steps, sandbox) => {
    const errors: unknown[] = []
    for (const step of [...steps].reverse()) {
      effect()
      errors.push(...(await linux.revert([step], sandbox)))
    }
    return errors
  }
  const engine = await engineOn({ ...linux, revert }, { firewall: firewall as FirewallBackend })
  if (task === 'setup') {
    const publish = ['8080:80', '5353:53/udp']
    await engine.setup(
      decodeSetupRequest({ sandbox: first, container: { id: second, name: second }, publish }),
    )
  } else if (task === 'teardown') await engine.teardown({ container: first })
  else if (task === 'create') await engine.createNetwork(decodeCreateNetwork({ name: first, ipv6: true }))
  else await engine.removeNetwork(first)
  await engine.close()
  console.log(effects)
}

live().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error)
    process.exit(1)
  },
)
