/**
 * Examples of the commands that run something in a container's network.
 *
 * @module
 */

import type { Example } from './example.ts'

export const enterExamples: readonly Example[] = [
  {
    command: 'exec',
    about: 'its addresses',
    script: ['tsnet exec web ip addr'],
    given: ['web'],
    onRootPage: true,
  },
  {
    command: 'exec',
    about: "behind -- everything is the program's",
    script: ['tsnet exec web -- ss -tln'],
    given: ['web'],
  },
  {
    command: 'exec',
    about: 'a process that no engine knows',
    script: ['tsnet exec --pid $PID -- ip route'],
    given: ['box'],
  },
  {
    command: 'sh',
    about: 'a shell in its network',
    script: ['tsnet sh web'],
    given: ['web'],
  },
  {
    command: 'sh',
    about: 'one line of it',
    script: ["tsnet sh web -- -c 'ip addr; cat /etc/resolv.conf'"],
    given: ['web'],
  },
  {
    command: 'sh',
    about: 'of a process',
    script: ["echo 'ip addr' | tsnet sh --pid $PID"],
    given: ['box'],
  },
  {
    command: 'nsenter',
    about: 'as nsenter would be called',
    script: ['tsnet nsenter -t $PID -n ip addr'],
    given: ['box'],
  },
  {
    command: 'nsenter',
    about: 'by name instead of pid',
    script: ['tsnet nsenter -t web -n ss -tln'],
    given: ['web'],
  },
  {
    command: 'nsenter',
    about: 'its files too',
    script: ['tsnet nsenter -t $PID -n -m ip addr'],
    given: ['box'],
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
]
