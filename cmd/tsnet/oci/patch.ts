/**
 * `tsnet oci patch`: a bundle for runc or crun, connected by tsnet.
 *
 * @module
 */

import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import {
  type CommandDefinition,
  dashed,
  type Flags,
  type Lib,
  listFlag,
  switchFlag,
  textFlag,
} from '../command.ts'
import { installed } from '../installation.ts'
import { writeJson } from '../print/json.ts'
import { UsageError } from '../usage.ts'

const lists = ['network', 'publish', 'expose', 'alias', 'dns', 'dnsSearch', 'dnsOption', 'addHost', 'link']
const texts = ['ip', 'ip6', 'mac', 'mtu', 'hostname']

export const ociPatch: CommandDefinition = {
  path: ['oci', 'patch'],
  summary: 'have an OCI bundle connected when runc or crun starts it',
  about:
    'Writes tsnet-hook as createRuntime and poststop hook into the config.json of a bundle, the wishes as annotations ' +
    '(net.tsnet.network and so on), a network namespace, and mounts for /etc/resolv.conf and /etc/hosts, whose files ' +
    'lie beside config.json. Run again it replaces what it wrote; --remove takes it back. ' +
    'What a bundle does not say, /etc/tsnet/hooks.json may: {"network": "front", "publish": ["8080:80"]}.',
  args: [{ syntax: '<config>', about: 'config.json of a bundle, or its folder' }],
  groups: [
    {
      title: 'Wishes',
      options: [
        {
          flags: '--network <spec>',
          about: 'as of tsnet setup: NAME[:KEY=VALUE,...], host, none or container:ID',
          repeatable: true,
          values: 'networks',
        },
        { flags: '--ip <address>', about: 'IPv4 address on the first network' },
        { flags: '--ip6 <address>', about: 'IPv6 address on the first network' },
        { flags: '--mac <mac>', about: 'MAC address on the first network' },
        { flags: '--mtu <bytes>', about: 'MTU on the first network' },
        { flags: '--alias <name>', about: 'a further name, on all networks', repeatable: true },
        { flags: '-p, --publish <spec>', about: '[HOSTIP:][HOSTPORT:]PORT[/PROTO]', repeatable: true },
        { flags: '--expose <port>', about: 'PORT[/PROTO] that --publish-all publishes', repeatable: true },
        { flags: '-P, --publish-all', about: 'publish all exposed ports to chosen host ports' },
        { flags: '--container-name <name>', about: 'a name people use (default: the id it is started with)' },
        { flags: '--hostname <name>', about: 'for names and hosts files (default: that of the bundle)' },
        { flags: '--dns <address>', about: 'name server', repeatable: true },
        { flags: '--dns-search <domain>', about: 'domain to search', repeatable: true },
        { flags: '--dns-option <option>', about: 'option of resolv.conf', repeatable: true },
        { flags: '--add-host <name:address>', about: 'line of the hosts file', repeatable: true },
        {
          flags: '--link <container[:alias]>',
          about: 'another container under that name',
          repeatable: true,
          values: 'containers',
        },
      ],
    },
    {
      title: 'The hook',
      options: [
        { flags: '--hook <path>', about: 'the program (default: tsnet-hook of this installation)' },
        { flags: '--remove', about: 'take everything back that was written' },
      ],
    },
  ],
  onSignal: 'finish',
  run: async ({ args, flags, globals }, session) => {
    const { configPath, patchBundle, unpatchBundle } = await import('../../../lib/adapters/oci/patch.ts')
    const { io } = session
    const path = configPath(resolve(io.cwd ?? '', args[0] as string))
    if (switchFlag(flags, 'remove')) {
      if (Object.keys(flags).length > 1)
        throw new UsageError('--remove takes no wishes', 'leave the others out')
      const config = unpatchBundle(path)
      if (globals.json) writeJson(io.stdout, 'oci patch', config)
    } else {
      const hook = resolve(io.cwd ?? '', textFlag(flags, 'hook') ?? ownHook(await session.lib()))
      const config = patchBundle(path, { hook, wishes: wishesOf(flags, globals.firewall) })
      if (globals.json) writeJson(io.stdout, 'oci patch', config)
    }
    if (!globals.json && !globals.quiet) io.stdout.write(`${path}\n`)
    return 0
  },
}

function wishesOf(flags: Flags, firewall: string | undefined): Readonly<Record<string, readonly string[]>> {
  const single = [
    ...texts.map((flag) => [flag, textFlag(flags, flag)] as const),
    ['name', textFlag(flags, 'containerName')] as const,
    ['firewall', firewall] as const,
    ['publish-all', switchFlag(flags, 'publishAll') ? 'true' : undefined] as const,
  ]
  return Object.fromEntries([
    ...lists
      .map((flag) => [dashed(flag), listFlag(flags, flag)] as const)
      .filter(([, list]) => list.length > 0),
    ...single.flatMap(([name, text]) => (text === undefined ? [] : [[name, [text]] as const])),
  ])
}

function ownHook(lib: Lib): string {
  const found = installed('dist/hooks/tsnet-hook')
  if (existsSync(found)) return found
  throw lib.fail('TSNET_PROGRAM_MISSING', {
    message: 'looking for tsnet-hook: it is not built',
    hint: 'npm run build, or name it with --hook',
  })
}
