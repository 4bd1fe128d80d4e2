/**
 * `tsnet cni install`: our plugins where engines look for them.
 *
 * @module
 */

import { resolve } from 'node:path'
import type { CommandDefinition } from '../command.ts'
import { switchFlag, textFlag } from '../command.ts'
import { writeJson } from '../print/json.ts'
import { asLines } from '../print/lines.ts'
import { ownPlugins } from './options.ts'

export const cniInstall: CommandDefinition = {
  path: ['cni', 'install'],
  summary: 'put the CNI plugins where engines look for them',
  about:
    'Links every plugin into the folder, and with --conf-dir writes a network configuration. ' +
    'Plugins of others are never replaced.',
  args: [],
  groups: [
    {
      title: 'Where',
      options: [
        { flags: '--dir <dir>', about: 'folder of plugins (default: /opt/cni/bin)' },
        { flags: '--conf-dir <dir>', about: 'write a configuration there, such as /etc/cni/net.d' },
        { flags: '--copy', about: 'copy instead of link' },
        { flags: '--uninstall', about: 'take away what was installed' },
      ],
    },
  ],
  onSignal: 'finish',
  run: async ({ flags, globals }, session) => {
    const { install, uninstall } = await import('../../../lib/adapters/cni/install.ts')
    const confDir = textFlag(flags, 'confDir')
    const plan = {
      from: ownPlugins(),
      to: resolve(textFlag(flags, 'dir') ?? '/opt/cni/bin'),
      copy: switchFlag(flags, 'copy'),
      ...(confDir === undefined ? {} : { confDir: resolve(confDir) }),
    }
    const files = switchFlag(flags, 'uninstall') ? uninstall(plan) : install(plan)
    const { stdout } = session.io
    if (globals.json) writeJson(stdout, 'cni install', files)
    else stdout.write(asLines(files))
    return 0
  },
}
