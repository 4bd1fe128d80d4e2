/**
 * Examples of the commands that make and change networks.
 *
 * @module
 */

import type { Example } from './example.ts'

export const networksExamples: readonly Example[] = [
  {
    command: 'network create',
    about: 'a network with a subnet of its own choice',
    script: ['tsnet network create shop'],
    onRootPage: true,
  },
  {
    command: 'network create',
    about: 'both families, addresses given out from a part of it only',
    script: [
      'tsnet network create shop --subnet 10.90.0.0/24 --ip-range 10.90.0.128/25 \\',
      '  --aux-address printer=10.90.0.200 --subnet fd00:90::/64',
    ],
  },
  {
    command: 'network create',
    about: 'no way out; its containers cannot even reach each other',
    script: ['tsnet network create vault --internal -o icc=false'],
  },
  {
    command: 'network ls',
    about: 'all networks',
    script: ['tsnet network ls'],
    given: ['shop', 'web'],
  },
  {
    command: 'network ls',
    about: 'names, one a line',
    script: ['tsnet network ls -q'],
    given: ['shop', 'web'],
  },
  {
    command: 'network ls',
    about: 'for a program',
    script: ['tsnet network ls --json'],
    given: ['shop'],
  },
  {
    command: 'network inspect',
    about: 'who has which address?',
    script: ['tsnet network inspect shop'],
    given: ['shop'],
  },
  {
    command: 'network inspect',
    about: 'its gateway',
    script: ['tsnet network inspect shop | grep gateway'],
    given: ['shop'],
  },
  {
    command: 'network inspect',
    about: 'that of containers set up without --network',
    script: ['tsnet network inspect tsnet'],
    given: ['web'],
  },
  {
    command: 'network update',
    about: 'its name server asks another one from now on',
    script: ['tsnet network update shop --dns 192.0.2.53'],
    given: ['shop'],
  },
  {
    command: 'network update',
    about: 'let other open networks talk to it',
    script: ['tsnet network update shop --isolate false'],
    given: ['shop'],
  },
  {
    command: 'network update',
    about: 'labels',
    script: ['tsnet network update shop --label team=red', 'tsnet network update shop --label-rm team'],
    given: ['shop'],
  },
  {
    command: 'network connect',
    about: 'web joins shop while it runs',
    script: ['tsnet network connect shop web'],
    given: ['shop', 'web'],
    onRootPage: true,
  },
  {
    command: 'network connect',
    about: 'with a name and an address of its own there',
    script: ['tsnet network connect shop web --alias front --ip 10.90.0.7'],
    given: ['shop', 'web'],
  },
  {
    command: 'network connect',
    about: 'from now on its way out leads by shop',
    script: ['tsnet network connect shop web --priority 1', 'tsnet route web'],
    given: ['shop', 'web'],
  },
  {
    command: 'network connect',
    about: 'a container that tsnet has not set up, of any engine or none',
    script: ['tsnet network connect shop $PID'],
    given: ['box', 'shop'],
  },
  {
    command: 'network disconnect',
    about: 'and leaves it again; the default route moves back',
    script: ['tsnet network connect shop web --priority 1', 'tsnet network disconnect shop web'],
    given: ['shop', 'web'],
  },
  {
    command: 'network disconnect',
    about: 'off its first network: its published port moves to the other',
    script: ['tsnet network connect shop web', 'tsnet network disconnect bridge web', 'tsnet port web'],
    given: ['shop', 'web'],
  },
  {
    command: 'network disconnect',
    about: 'by the namespace it was set up with',
    script: ['tsnet network disconnect bridge --pid $PID'],
    given: ['web'],
  },
  {
    command: 'network rm',
    about: 'remove it',
    script: ['tsnet network rm shop'],
    given: ['shop'],
  },
  {
    command: 'network rm',
    about: 'several at once',
    script: ['tsnet network create lab', 'tsnet network rm shop lab'],
    given: ['shop'],
  },
  {
    command: 'network rm',
    about: 'what is not there is an error of its own',
    script: ['tsnet network rm shop', 'tsnet network rm shop 2>/run/why || grep shop /run/why'],
    given: ['shop'],
  },
  {
    command: 'network prune',
    about: 'remove all that are unused',
    script: ['tsnet network prune'],
    given: ['shop'],
  },
  {
    command: 'network prune',
    about: 'the names of those removed',
    script: ['tsnet network prune -q'],
    given: ['shop'],
  },
  {
    command: 'network prune',
    about: 'for a program',
    script: ['tsnet network prune --json'],
    given: ['shop'],
  },
]
