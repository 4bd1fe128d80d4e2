/**
 * Examples of the commands that find out what is wrong, and clear away.
 *
 * @module
 */

import type { Example } from './example.ts'

export const mendExamples: readonly Example[] = [
  {
    command: 'doctor',
    about: 'what is wrong here, and what mends it?',
    script: ['tsnet doctor'],
    given: ['offline', 'web'],
    onRootPage: true,
  },
  {
    command: 'doctor',
    about: 'mend what can be mended without harm, for one container',
    script: ['tsnet doctor web --fix'],
    given: ['offline', 'web'],
  },
  {
    command: 'doctor',
    about: 'for a script: warnings (5) are well, packets lost (6) are not',
    script: ['tsnet doctor -q || [ $? -eq 5 ]'],
    given: ['offline', 'web'],
  },
  {
    command: 'trace',
    about: 'does web reach the name server of its network, and by which way?',
    script: ['tsnet trace web host:53'],
    given: ['web'],
    onRootPage: true,
  },
  {
    command: 'trace',
    about: 'why not? (exit code 6)',
    script: ['tsnet trace web host:9 || [ $? -eq 6 ]'],
    given: ['web'],
  },
  {
    command: 'trace',
    about: 'the reason alone, for a script; a path for a program',
    script: ['tsnet trace web 10.89.0.200:80 -q || true', 'tsnet trace web host:9/udp --json || true'],
    given: ['web'],
  },
  {
    command: 'check',
    about: 'is all as it was set up?',
    script: ['tsnet check', 'tsnet check web'],
    given: ['web'],
  },
  {
    command: 'check',
    about: 'a script may ask',
    script: ['tsnet check web -q && echo all is well'],
    given: ['web'],
  },
  {
    command: 'check',
    about: 'for a program',
    script: ['tsnet check --json'],
    given: ['web'],
  },
  {
    command: 'gc',
    about: 'clean up after a crash',
    script: ['tsnet gc'],
    given: ['web'],
  },
  {
    command: 'gc',
    about: 'what was done, for a program',
    script: ['tsnet gc --json'],
    given: ['web'],
  },
  {
    command: 'gc',
    about: 'silently',
    script: ['tsnet gc -q'],
    given: ['web'],
  },
  {
    command: 'prune',
    about: 'what nobody uses goes',
    script: ['tsnet prune'],
    given: ['shop', 'web'],
  },
  {
    command: 'prune',
    about: 'what went, for a script',
    script: ['tsnet prune -q'],
    given: ['shop'],
  },
  {
    command: 'prune',
    about: 'for a program',
    script: ['tsnet prune --json'],
    given: ['shop'],
  },
  {
    command: 'firewall reload',
    about: 'somebody has flushed iptables: connect everybody again',
    script: ['iptables -t nat -F', 'tsnet firewall reload'],
    given: ['web'],
  },
  {
    command: 'firewall reload',
    about: 'the same after nft',
    script: ['nft flush ruleset', 'tsnet firewall reload -q', 'tsnet check web'],
    given: ['web'],
  },
  {
    command: 'firewall reload',
    about: 'how much was missing, for a program',
    script: ['tsnet firewall reload --json'],
    given: ['web'],
  },
]
