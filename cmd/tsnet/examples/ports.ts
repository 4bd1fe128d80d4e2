/**
 * Examples of the commands that publish ports of running containers.
 *
 * @module
 */

import type { Example } from './example.ts'

export const portsExamples: readonly Example[] = [
  {
    command: 'publish add',
    about: 'one more port, while it runs',
    script: ['tsnet publish add web 8443:443'],
    given: ['web'],
    onRootPage: true,
  },
  {
    command: 'publish add',
    about: 'for this host alone, and a range of UDP ports',
    script: ['tsnet publish add web 127.0.0.1:9090:90 5000-5009:5000-5009/udp'],
    given: ['web'],
  },
  {
    command: 'publish add',
    about: 'on any free port',
    script: ['tsnet publish add web 443', 'tsnet port web'],
    given: ['web'],
  },
  {
    command: 'publish rm',
    about: 'close it',
    script: ['tsnet publish rm web 8080:80'],
    given: ['web'],
  },
  {
    command: 'publish rm',
    about: 'whatever leads to port 80',
    script: ['tsnet publish rm web 80'],
    given: ['web'],
  },
  {
    command: 'publish rm',
    about: 'a second time there is nothing to do, and that is no error',
    script: ['tsnet publish rm web 80', 'tsnet publish rm web 80'],
    given: ['web'],
  },
  {
    command: 'publish ls',
    about: 'all',
    script: ['tsnet publish ls'],
    given: ['web'],
  },
  {
    command: 'publish ls',
    about: 'of one container',
    script: ['tsnet publish ls web'],
    given: ['web'],
  },
  {
    command: 'publish ls',
    about: 'for a program',
    script: ['tsnet publish ls --json'],
    given: ['web'],
  },
]
