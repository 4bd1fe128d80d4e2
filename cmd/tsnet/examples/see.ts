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
  {
    command: 'ping',
    about: 'does web reach its gateway?',
    script: ['tsnet ping web 10.89.0.1 -c 1'],
    given: ['web'],
  },
  {
    command: 'ping',
    about: 'by name: its own',
    script: ['tsnet ping web web -c 1'],
    given: ['web'],
  },
  {
    command: 'ping',
    about: 'another container, four packets',
    script: ['unshare -n sleep 1000 &', 'tsnet setup --pid $! --container-name db', 'tsnet ping web db'],
    given: ['web'],
  },
  {
    command: 'dig',
    about: 'what is web told of its own name?',
    script: ['tsnet dig web web'],
    given: ['web'],
  },
  {
    command: 'dig',
    about: 'the answer alone',
    script: ['tsnet dig web web.tsnet.internal +short'],
    given: ['web'],
  },
  {
    command: 'dig',
    about: 'IPv6 addresses',
    script: ['tsnet dig web web -t AAAA +short'],
    given: ['web'],
  },
  {
    command: 'curl',
    about: 'is there anybody on port 80 of web itself?',
    script: ['tsnet curl web web 2>/run/why || cat /run/why'],
    given: ['web'],
  },
  {
    command: 'curl',
    about: 'headers only, another port',
    script: ['tsnet curl web web:8080/index.html -sI || echo nobody listens'],
    given: ['web'],
  },
  {
    command: 'curl',
    about: 'a URL, two seconds at most',
    script: ['tsnet curl web http://web/ -s --max-time 2 || echo nobody listens'],
    given: ['web'],
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
]
