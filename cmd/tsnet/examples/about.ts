/**
 * Examples of the commands that are about tsnet itself.
 *
 * @module
 */

import type { Example } from './example.ts'

export const aboutExamples: readonly Example[] = [
  {
    command: 'help',
    about: 'all of a group',
    script: ['tsnet help network'],
  },
  {
    command: 'help',
    about: 'what does a program read?',
    script: ['tsnet help --schema ps'],
  },
  {
    command: 'help',
    about: 'as a man page',
    script: ['tsnet help --man setup > /run/tsnet-setup.1'],
  },
  {
    command: 'help',
    about: 'the flags of one command',
    script: ['tsnet help network create'],
  },
  {
    command: 'completion',
    about: 'for this bash',
    script: ['tsnet completion bash > /run/tsnet.bash', "bash -c '. /run/tsnet.bash; complete -p tsnet'"],
  },
  {
    command: 'completion',
    about: 'for fish, to be put into its folder of completions',
    script: ['tsnet completion fish > /run/tsnet.fish'],
  },
  {
    command: 'completion',
    about: 'what may follow?',
    script: ['tsnet completion words -- network in'],
  },
  {
    command: 'version',
    about: 'for people',
    script: ['tsnet version'],
  },
  {
    command: 'version',
    about: 'the number alone',
    script: ['tsnet version -q'],
  },
  {
    command: 'version',
    about: 'for a script',
    script: ['tsnet version --json'],
  },
]
