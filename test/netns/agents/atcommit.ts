/**
 * A set-up that runs a shell command when all is made and only its record is
 * not yet written: `atcommit.ts REQUEST COMMAND`. `kill -9 $PPID` ends it there.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const [document = '{}', command = ''] = process.argv.slice(2)
const { renameSync } = fs
Object.assign(fs, {
  renameSync: (...[from, to]: Parameters<typeof renameSync>) => {
    if (/\/pending\/.*\.json$/.test(String(from))) {
      const { status, stderr } = spawnSync('sh', ['-ec', command], { encoding: 'utf8', timeout: 80_000 })
      if (status !== 0) throw new Error(`${command}: ${stderr}`)
    }
    renameSync(from, to)
  },
})
syncBuiltinESMExports()

async function live(): Promise<void> {
  // After the patch: these modules hold what they import.
  const { createLinuxKernel } = await import('../../../lib/kernel/linux.ts')
  const { decodeSetupRequest, engineOn } = await import('../../../lib/index.ts')
  const engine = await engineOn(createLinuxKernel(), { firewall: 'nftables' })
  await engine.setup(decodeSetupRequest(JSON.parse(document)))
  await engine.close()
}

void live()
