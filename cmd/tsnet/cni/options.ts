/**
 * Flags of the commands that do what an engine does with a CNI network.
 *
 * @module
 */

import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { defaultConfDir, findList } from '../../../lib/adapters/cni/lists.ts'
import { defaultPluginDir, type RuntimeCall } from '../../../lib/adapters/cni/runtime.ts'
import type { Invocation, OptionGroup, Session } from '../command.ts'
import { textFlag } from '../command.ts'
import { installed } from '../installation.ts'

export const cniOptions: OptionGroup = {
  title: 'As an engine would',
  options: [
    { flags: '--conf-dir <dir>', about: 'network configurations (default: /etc/cni/net.d)' },
    { flags: '--bin-dir <dir>', about: 'plugins; also CNI_PATH (default: /opt/cni/bin, else our own)' },
  ],
}

export const attachmentOptions: OptionGroup = {
  title: 'Which attachment',
  options: [
    { flags: '--id <id>', about: "the container's id (default: made from the namespace's path)" },
    { flags: '--ifname <name>', about: 'the interface (default: eth0)' },
    { flags: '--args <pairs>', about: 'CNI_ARGS: K=V;K=V' },
    { flags: '--cap <json>', about: 'capability arguments, such as {"portMappings":[…]}' },
  ],
}

/** Where our own executables lie: beside the command that is running. */
export function ownPlugins(): string {
  return installed('dist/cni')
}

/** @throws TSNET_NO_SUCH_NETWORK (notFound), TSNET_BAD_JSON (invalid) */
export async function callOf({ args, flags }: Invocation, session: Session): Promise<RuntimeCall> {
  const [network = '', path = ''] = args
  const { env } = session.io
  const netns = path === '' ? '' : resolve(path)
  const given = textFlag(flags, 'binDir') ?? env['CNI_PATH']
  const folder = existsSync(defaultPluginDir) ? defaultPluginDir : ownPlugins()
  const cap = textFlag(flags, 'cap')
  const { parseJson } = await session.lib()
  // Every command loads this file, and loading node:crypto costs 3 ms.
  const { createHash } = await import('node:crypto')
  return {
    list: findList(textFlag(flags, 'confDir') ?? defaultConfDir, network),
    id: textFlag(flags, 'id') ?? `cnitool-${createHash('sha512').update(netns).digest('hex').slice(0, 20)}`,
    ifname: textFlag(flags, 'ifname') ?? 'eth0',
    netns,
    args: textFlag(flags, 'args') ?? env['CNI_ARGS'] ?? '',
    capabilities: cap === undefined ? {} : (parseJson(cap, '--cap') as RuntimeCall['capabilities']),
    path: (given ?? folder).split(':').map((one) => resolve(one)),
  }
}
