/**
 * Examples of the commands that show what is going on.
 *
 * @module
 */

import type { Example } from './example.ts'

export const watchExamples: readonly Example[] = [
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
  {
    command: 'top',
    about: 'who is busy?',
    script: ['tsnet top --once'],
    given: ['web'],
  },
  {
    command: 'top',
    about: 'with whom does web talk?',
    script: ['tsnet top web --once --seconds 1'],
    given: ['web'],
  },
  {
    command: 'top',
    about: 'for a program',
    script: ['tsnet top --json --seconds 1'],
    given: ['web'],
  },
  {
    command: 'capture',
    about: 'what web says to its gateway, for a second',
    script: ['tsnet capture web --seconds 1 icmp and host 10.89.0.1'],
    given: ['web'],
  },
  {
    command: 'capture',
    about: 'a file for wireshark',
    script: ['tsnet capture web --seconds 1 --write /run/web.pcap'],
    given: ['web'],
  },
  {
    command: 'capture',
    about: 'requests from all but one, for a program',
    script: ["tsnet capture web --seconds 1 --json 'tcp port 80 and not src 10.89.0.3'"],
    given: ['web'],
  },
  {
    command: 'events',
    about: 'what happens in the next second?',
    script: ['tsnet events --seconds 1'],
    given: ['web'],
  },
  {
    command: 'events',
    about: 'who changes rules?',
    script: ['tsnet events --only rules --seconds 1'],
    given: ['web'],
  },
  {
    command: 'events',
    about: 'containers that come and go, for a program',
    script: ['tsnet events --only attach,detach --seconds 1 --json'],
    given: ['web'],
  },
]
