/**
 * Examples of the commands that are about names.
 *
 * @module
 */

import type { Example } from './example.ts'

export const namesExamples: readonly Example[] = [
  {
    command: 'dns ls',
    about: 'what is answered now',
    script: ['tsnet dns ls'],
    given: ['web'],
  },
  {
    command: 'dns ls',
    about: 'names alone',
    script: ['tsnet dns ls -q'],
    given: ['web'],
  },
  {
    command: 'dns ls',
    about: 'for a program',
    script: ['tsnet dns ls --json'],
    given: ['web'],
  },
  {
    command: 'dns query',
    about: 'where is web?',
    script: ['tsnet dns query web'],
    given: ['web'],
  },
  {
    command: 'dns query',
    about: 'what does web see under its own name?',
    script: ['tsnet dns query web --from web'],
    given: ['web'],
  },
  {
    command: 'dns query',
    about: 'IPv6 addresses, for a program',
    script: ['tsnet dns query web --type AAAA --json'],
    given: ['web'],
  },
  {
    command: 'dns explain',
    about: 'who would tell the container web where db is?',
    script: ['tsnet dns explain db.tsnet.internal --from web'],
    given: ['web'],
  },
  {
    command: 'dns explain',
    about: 'as the host asks',
    script: ['tsnet dns explain web'],
    given: ['web'],
  },
  {
    command: 'dns explain',
    about: 'for a program',
    script: ['tsnet dns explain web --from web --json'],
    given: ['web'],
  },
  {
    command: 'dns route',
    about: "the office's names come from the office, for all; and no longer",
    script: ['tsnet dns route corp.example=10.1.1.53', 'tsnet dns route corp.example --remove'],
  },
  {
    command: 'dns route',
    about: 'for one container',
    script: ['tsnet dns route corp.example=10.1.1.53 --container web'],
    given: ['web'],
  },
  {
    command: 'dns route',
    about: 'which are there?',
    script: ['tsnet dns route --json'],
    given: ['web'],
  },
  {
    command: 'dns conformance',
    about: "tsnet's own server",
    script: ['tsnet dns conformance 10.89.0.1 --known web'],
    given: ['web'],
  },
  {
    command: 'dns conformance',
    about: 'for a program',
    script: ['tsnet dns conformance 10.89.0.1 --known web --json'],
    given: ['web'],
  },
  {
    command: 'dns conformance',
    about: 'only what went wrong',
    script: ['tsnet dns conformance 10.89.0.1 --known web | grep -v ok || echo nothing'],
    given: ['web'],
  },
]
