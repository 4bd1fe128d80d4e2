/**
 * Examples of the commands that do what an engine does with CNI.
 *
 * @module
 */

import type { Example } from './example.ts'

/** Plugins and a configuration, as every one of them needs. */
const installed = [
  'tsnet cni install --dir /run/plugins --conf-dir /etc/cni/net.d',
  'export CNI_PATH=/run/plugins',
] as const

export const cniExamples: readonly Example[] = [
  {
    command: 'cni install',
    about: 'plugins and a configuration, in folders of your choice',
    script: ['tsnet cni install --dir /run/plugins --conf-dir /etc/cni/net.d'],
  },
  {
    command: 'cni install',
    about: 'and away again',
    script: ['tsnet cni install --dir /run/plugins', 'tsnet cni install --dir /run/plugins --uninstall'],
  },
  {
    command: 'cni install',
    about: 'copies, for a root file system that is packed later',
    script: ['tsnet cni install --dir /run/plugins --copy'],
  },
  {
    command: 'cni list',
    about: 'network, container, interface, addresses',
    script: [...installed, 'tsnet cni add tsnet-cni /proc/$PID/ns/net --id web', 'tsnet cni list'],
    given: ['box'],
  },
  {
    command: 'cni list',
    about: 'for a program',
    script: [...installed, 'tsnet cni list --json'],
  },
  {
    command: 'cni list',
    about: 'before anything was added',
    script: [...installed, 'tsnet cni list'],
  },
  {
    command: 'cni add',
    about: 'a process in an empty namespace, with a published port',
    script: [
      ...installed,
      'tsnet cni add tsnet-cni /proc/$PID/ns/net \\',
      '  --cap \'{"portMappings": [{"hostPort": 8080, "containerPort": 80}]}\'',
    ],
    given: ['box'],
  },
  {
    command: 'cni add',
    about: 'under an id, as eth1',
    script: [...installed, 'tsnet cni add tsnet-cni /proc/$PID/ns/net --id web --ifname eth1'],
    given: ['box'],
  },
  {
    command: 'cni add',
    about: 'the result for a program',
    script: [...installed, 'tsnet cni add tsnet-cni /proc/$PID/ns/net --json'],
    given: ['box'],
  },
  {
    command: 'cni del',
    about: 'a second time there is nothing to do, and that is no error',
    script: [
      ...installed,
      'tsnet cni add tsnet-cni /proc/$PID/ns/net --id web',
      'tsnet cni del tsnet-cni /proc/$PID/ns/net --id web',
      'tsnet cni del tsnet-cni /proc/$PID/ns/net --id web',
    ],
    given: ['box'],
  },
  {
    command: 'cni del',
    about: 'by id alone',
    script: [
      ...installed,
      'tsnet cni add tsnet-cni /proc/$PID/ns/net --id web',
      'tsnet cni del tsnet-cni /proc/$PID/ns/net --id web',
    ],
    given: ['box'],
  },
  {
    command: 'cni del',
    about: 'what was never added',
    script: [...installed, 'tsnet cni del tsnet-cni /proc/$PID/ns/net --id nobody'],
    given: ['box'],
  },
  {
    command: 'cni check',
    about: 'silent when all is well',
    script: [
      ...installed,
      'tsnet cni add tsnet-cni /proc/$PID/ns/net',
      'tsnet cni check tsnet-cni /proc/$PID/ns/net',
    ],
    given: ['box'],
  },
  {
    command: 'cni check',
    about: 'of a container that was added by id',
    script: [
      ...installed,
      'tsnet cni add tsnet-cni /proc/$PID/ns/net --id web',
      'tsnet cni check tsnet-cni /proc/$PID/ns/net --id web',
    ],
    given: ['box'],
  },
  {
    command: 'cni check',
    about: 'for a script',
    script: [
      ...installed,
      'tsnet cni add tsnet-cni /proc/$PID/ns/net',
      'tsnet cni check tsnet-cni /proc/$PID/ns/net && echo as it was',
    ],
    given: ['box'],
  },
  {
    command: 'cni gc',
    about: 'after a crash of the engine',
    script: [...installed, 'tsnet cni gc tsnet-cni'],
  },
  {
    command: 'cni gc',
    about: 'all networks of another folder',
    script: [...installed, 'tsnet cni gc tsnet-cni --conf-dir /etc/cni/net.d'],
  },
  {
    command: 'cni gc',
    about: 'twice is as good as once',
    script: [...installed, 'tsnet cni gc tsnet-cni', 'tsnet cni gc tsnet-cni'],
  },
  {
    command: 'cni status',
    about: 'for a script',
    script: [...installed, 'tsnet cni status tsnet-cni'],
  },
  {
    command: 'cni status',
    about: 'ready?',
    script: [...installed, 'tsnet cni status tsnet-cni && echo ready'],
  },
  {
    command: 'cni status',
    about: 'with plugins of another folder',
    script: [...installed, 'tsnet cni status tsnet-cni --bin-dir /run/plugins'],
  },
]
