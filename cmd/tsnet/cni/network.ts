/**
 * `tsnet cni add | del | check | gc | status`: what cnitool does.
 *
 * @module
 */

import type { PluginEngine } from '../../../lib/adapters/cni/engine.ts'
import type { RuntimeCall } from '../../../lib/adapters/cni/runtime.ts'
import type { CommandDefinition, Invocation, Session } from '../command.ts'
import { engineOptionsOf } from '../options.ts'
import { writeJson } from '../print/json.ts'
import { asLines } from '../print/lines.ts'
import { attachmentOptions, callOf, cniOptions } from './options.ts'

const network = { syntax: '<network>', about: 'name of a configuration' }
const netns = { syntax: '<netns>', about: "the namespace's file, such as /run/netns/NAME" }

async function withEngine<T>(
  invocation: Invocation,
  session: Session,
  work: (engine: PluginEngine, call: RuntimeCall) => Promise<T>,
): Promise<T> {
  const call = await callOf(invocation, session)
  const { openPluginEngine } = await import('../../../lib/adapters/cni/engine.ts')
  const engine = await openPluginEngine(
    engineOptionsOf(invocation.globals, session.io.env, await session.lib()),
  )
  try {
    return await work(engine, call)
  } finally {
    await engine.close()
  }
}

const runtime = () => import('../../../lib/adapters/cni/runtime.ts')

export const cniAdd: CommandDefinition = {
  path: ['cni', 'add'],
  summary: 'attach a namespace to a CNI network',
  about: 'Calls every plugin of the configuration, as an engine would, and prints the last result.',
  args: [network, netns],
  groups: [attachmentOptions, cniOptions],
  onSignal: 'finish',
  run: (invocation, session) =>
    withEngine(invocation, session, async (engine, call) => {
      writeJson(session.io.stdout, 'cni add', await (await runtime()).addNetwork(engine, call))
      return 0
    }),
}

export const cniDel: CommandDefinition = {
  path: ['cni', 'del'],
  summary: 'detach it',
  about: 'Calls every plugin backwards; what is gone already is no error.',
  args: [network, netns],
  groups: [attachmentOptions, cniOptions],
  onSignal: 'finish',
  run: (invocation, session) =>
    withEngine(invocation, session, async (engine, call) => {
      await (await runtime()).delNetwork(engine, call)
      return 0
    }),
}

export const cniCheck: CommandDefinition = {
  path: ['cni', 'check'],
  summary: 'is an attachment as it was made?',
  about: 'Asks every plugin of the configuration; the first that finds something missing says what.',
  args: [network, netns],
  groups: [attachmentOptions, cniOptions],
  onSignal: 'stop',
  run: (invocation, session) =>
    withEngine(invocation, session, async (engine, call) => {
      await (await runtime()).checkNetwork(engine, call)
      return 0
    }),
}

export const cniGc: CommandDefinition = {
  path: ['cni', 'gc'],
  summary: 'remove attachments whose namespace is gone',
  about:
    'Deletes the attachments in the cache whose namespace is gone, then has every plugin remove what is not in the cache.',
  args: [network],
  groups: [cniOptions],
  onSignal: 'finish',
  run: (invocation, session) =>
    withEngine(invocation, session, async (engine, call) => {
      const gone = await (await runtime()).gcNetwork(engine, call)
      const { stdout } = session.io
      if (invocation.globals.json) writeJson(stdout, 'cni gc', gone)
      else {
        const { quiet } = invocation.globals
        stdout.write(asLines(gone.map(({ containerId: id, ifName }) => (quiet ? id : `${id} ${ifName}`))))
      }
      return 0
    }),
}

export const cniStatus: CommandDefinition = {
  path: ['cni', 'status'],
  summary: 'could a container be attached now?',
  about: 'Asks every plugin of the configuration, which must be of cniVersion 1.1.0.',
  args: [network],
  groups: [cniOptions],
  onSignal: 'stop',
  run: (invocation, session) =>
    withEngine(invocation, session, async (engine, call) => {
      await (await runtime()).statusNetwork(engine, call)
      if (!invocation.globals.quiet) session.io.stdout.write('ready\n')
      return 0
    }),
}
