/**
 * Runs the engine contract on the real kernel, in the throwaway host this
 * process was started in: `local` in this process, `daemon` at a tsnetd that the
 * first call starts. Prints one JSON line for each case.
 *
 * @module
 */

import { rmSync } from 'node:fs'
import { stopDaemon } from '../../../lib/daemon.ts'
import { type Engine, openEngine } from '../../../lib/index.ts'
import { runToEnd } from '../../../netns-fixtures/process.ts'
import { snapshotHere } from '../../../netns-fixtures/snapshot.ts'
import { type EngineWorld, engineContract } from '../../contract/engine.contract.ts'
import { recordsBelow } from '../../contract/records.ts'
import { Sandboxes } from './sandboxes.ts'

const via = process.argv[2] === 'daemon' ? 'daemon' : 'local'
const stateDir = '/run/contract'
const sweep =
  'for dev in $(ls /sys/class/net); do [ "$dev" = lo ] || ip link delete "$dev" 2>/dev/null || true; done; nft flush ruleset'

for (const { title, run } of engineContract) {
  const sandboxes = new Sandboxes()
  const engines: Engine[] = []
  const world: EngineWorld = {
    ownNamespace: '/proc/self/ns/net',
    engine: async (options = {}) => {
      const engine = await openEngine({ ...options, via, stateDir, firewall: 'nftables' })
      engines.push(engine)
      return engine
    },
    sandbox: async () => {
      const path = await sandboxes.make()
      // A loopback that was up once keeps another queue than one that never was.
      await runToEnd([
        'nsenter',
        `--net=${path}`,
        'sh',
        '-ec',
        'ip link set lo up; ip link set lo down; ip address flush dev lo',
      ])
      return path
    },
    endSandbox: (path) => sandboxes.end(path),
    dump: async () => {
      const inside = await Promise.all(sandboxes.paths.map((path) => snapshotHere(path)))
      return JSON.stringify([await snapshotHere(), ...inside], undefined, 1) + recordsBelow(stateDir)
    },
  }
  let error: string | undefined
  try {
    await run(world)
  } catch (caught) {
    error = caught instanceof Error ? `${caught.stack}` : String(caught)
  }
  for (const engine of engines) {
    for (const { container } of await engine.list()) await engine.teardown({ container: container.id })
    await engine.pruneNetworks()
    await engine.close()
  }
  const daemon = await stopDaemon({ stateDir })
  if (error === undefined && (daemon !== undefined) !== (via === 'daemon'))
    error = `a daemon was ${daemon === undefined ? 'not ' : ''}asked`
  await sandboxes.endAll()
  await runToEnd(['sh', '-c', sweep])
  rmSync(stateDir, { recursive: true, force: true })
  console.log(JSON.stringify({ title, error }))
}
