/**
 * Examples of the commands that tell bridges, addresses and namespaces.
 *
 * @module
 */

import type { Example } from './example.ts'

export const placesExamples: readonly Example[] = [
  {
    command: 'bridge show',
    about: 'bridges and who is behind each port',
    script: ['tsnet bridge show'],
    given: ['web'],
  },
  {
    command: 'bridge show',
    about: 'the bridge of one network',
    script: ['tsnet bridge show shop'],
    given: ['shop'],
  },
  {
    command: 'bridge show',
    about: 'names, one a line',
    script: ['tsnet bridge show -q'],
    given: ['web'],
  },
  {
    command: 'ipam who',
    about: 'who has this address?',
    script: ['tsnet ipam who 10.90.0.1'],
    given: ['shop'],
  },
  {
    command: 'ipam who',
    about: 'may I take it?',
    script: ['tsnet ipam who 10.90.0.77 || echo it is free'],
    given: ['shop'],
  },
  {
    command: 'ipam who',
    about: 'for a program',
    script: ['tsnet ipam who 127.0.0.1 --json'],
  },
  {
    command: 'ns ls',
    about: 'every namespace, whoever made it',
    script: ['tsnet ns ls'],
    given: ['web'],
  },
  {
    command: 'ns ls',
    about: 'as a list of net:[INODE]',
    script: ['tsnet ns ls -q'],
    given: ['web'],
  },
  {
    command: 'ns ls',
    about: 'for a program',
    script: ['tsnet ns ls --json'],
    given: ['web'],
  },
  {
    command: 'ns link',
    about: 'let ip netns enter a container',
    script: ['tsnet ns link web', 'ip netns exec web ip addr', 'tsnet ns link --undo'],
    given: ['web'],
  },
  {
    command: 'ns link',
    about: 'all containers at once',
    script: ['tsnet ns link', 'ip netns ls'],
    given: ['web'],
  },
  {
    command: 'ns link',
    about: 'take the links away',
    script: ['tsnet ns link --undo'],
    given: ['web'],
  },
]
