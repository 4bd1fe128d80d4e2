/**
 * Examples of the commands that show what is going on.
 *
 * @module
 */

import type { Example } from './example.ts'

export const seeExamples: readonly Example[] = [
  {
    command: 'rules',
    about: 'what becomes of packets of web?',
    script: ['tsnet rules web'],
    given: ['web'],
  },
  {
    command: 'rules',
    about: 'and how do the tools write it?',
    script: ['tsnet rules web -v'],
    given: ['web'],
  },
  {
    command: 'rules',
    about: 'all networks of tsnet, for a program',
    script: ['tsnet rules --json'],
    given: ['web'],
  },
  {
    command: 'conntrack',
    about: 'who is connected with web?',
    script: ['tsnet conntrack web'],
    given: ['web'],
  },
  {
    command: 'conntrack',
    about: 'everything this host tracks',
    script: ['tsnet conntrack'],
    given: ['web'],
  },
  {
    command: 'conntrack',
    about: 'for a program',
    script: ['tsnet conntrack web --json'],
    given: ['web'],
  },
]
