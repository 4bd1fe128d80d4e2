/**
 * The flags of `setup` and `plan`, as the help shows them.
 *
 * @module
 */

import type { OptionGroup } from './command.ts'
import { nameOptions } from './names.ts'
import { sandboxOptions } from './options.ts'

/** In the order of the help. */
export const requestOptions: readonly OptionGroup[] = [
  sandboxOptions,
  {
    title: 'The container',
    options: [
      { flags: '--id <id>', about: 'what teardown and inspect call it (default: made from the namespace)' },
      { flags: '--container-name <name>', about: 'a name people use' },
      { flags: '--hostname <name>', about: 'its host name, for names and hosts files' },
      { flags: '--label <key=value>', about: 'kept in the record', repeatable: true },
    ],
  },
  {
    title: 'Networks',
    options: [
      {
        flags: '--network <spec>',
        about:
          'NAME[:KEY=VALUE,...] with keys ip, ip6, mac, ifname, alias, mtu, priority; the first becomes eth0, ' +
          'the next eth1; or one of host, none, bridge (the default network), container:ID',
        repeatable: true,
        values: 'networks',
      },
      { flags: '--ip <address>', about: 'IPv4 address on the first network' },
      { flags: '--ip6 <address>', about: 'IPv6 address on the first network' },
      { flags: '--mac <mac>', about: 'MAC address on the first network' },
      { flags: '--mtu <bytes>', about: 'MTU on the first network (default: that of the way out)' },
      {
        flags: '--default-route <network>',
        about:
          'which network, by name or ifname, carries the default route (default: highest priority=, then the first)',
        values: 'networks',
      },
    ],
  },
  {
    title: 'Ports',
    options: [
      {
        flags: '-p, --publish <spec>',
        about:
          '[HOSTIP:][HOSTPORT[-END]:]PORT[-END][/PROTO], PROTO being tcp, udp or sctp; without a host port one is chosen',
        repeatable: true,
      },
      {
        flags: '--expose <port>',
        about: 'PORT[-END][/PROTO] that --publish-all publishes',
        repeatable: true,
      },
      { flags: '-P, --publish-all', about: 'publish all exposed ports to chosen host ports' },
      { flags: '--ignore-publish', about: 'leave -p and -P out where the mode cannot publish' },
    ],
  },
  {
    title: 'Names and settings',
    options: [
      ...nameOptions,
      {
        flags: '--sysctl <key=value>',
        about: 'set inside the namespace, such as net.core.somaxconn=1024',
        repeatable: true,
      },
    ],
  },
  {
    title: 'The request as JSON',
    options: [
      {
        flags: '--config <file>',
        about:
          'the whole request from FILE, or from standard input with -; only a namespace may be given beside it',
      },
    ],
  },
]
