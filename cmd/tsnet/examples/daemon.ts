/**
 * Examples of the commands that are about the daemon.
 *
 * @module
 */

import type { Example } from './example.ts'

export const daemonExamples: readonly Example[] = [
  {
    command: 'daemon run',
    about: 'in the foreground, until nobody has called for a second',
    script: ['tsnet daemon run --idle-exit 1 2>/run/tsnetd.json'],
  },
  {
    command: 'daemon run',
    about: 'with more in its log',
    script: ['tsnet daemon run --idle-exit 1 --log-level debug 2>/run/tsnetd.json'],
  },
  {
    command: 'daemon run',
    about: 'at a socket of your choice',
    script: ['tsnet daemon run --idle-exit 1 --socket /run/my.sock 2>/run/tsnetd.json'],
  },
  {
    command: 'daemon start',
    about: 'for good',
    script: ['tsnet daemon start', 'tsnet daemon stop'],
  },
  {
    command: 'daemon start',
    about: 'a second time there is nothing to do',
    script: ['tsnet daemon start', 'tsnet daemon start -q', 'tsnet daemon stop'],
  },
  {
    command: 'daemon start',
    about: 'at a socket of your choice',
    script: ['tsnet daemon start --socket /run/my.sock', 'tsnet daemon stop --socket /run/my.sock'],
  },
  {
    command: 'daemon stop',
    about: 'the next caller starts another',
    script: ['tsnet daemon stop'],
  },
  {
    command: 'daemon stop',
    about: 'after use',
    script: ['tsnet daemon start', 'tsnet daemon stop'],
  },
  {
    command: 'daemon stop',
    about: 'for a program',
    script: ['tsnet daemon stop --json'],
  },
  {
    command: 'daemon status',
    about: 'its pid, for a script',
    script: ['tsnet daemon start', 'tsnet daemon status -q', 'tsnet daemon stop'],
  },
  {
    command: 'daemon status',
    about: 'for people',
    script: ['tsnet daemon start', 'tsnet daemon status', 'tsnet daemon stop'],
  },
  {
    command: 'daemon status',
    about: 'for a program',
    script: ['tsnet daemon start', 'tsnet daemon status --json', 'tsnet daemon stop'],
  },
  {
    command: 'daemon logs',
    about: 'the last calls',
    script: ['tsnet daemon logs | tail'],
  },
  {
    command: 'daemon logs',
    about: 'errors alone',
    script: ['tsnet daemon logs | grep \'"level":"error"\' || echo none'],
  },
  {
    command: 'daemon logs',
    about: 'how many lines are there?',
    script: ['tsnet daemon logs | wc -l'],
  },
  {
    command: 'daemon metrics',
    about: 'what Prometheus is told',
    script: ['tsnet daemon start', 'tsnet daemon metrics', 'tsnet daemon stop'],
  },
  {
    command: 'daemon metrics',
    about: 'how many calls have there been?',
    script: ['tsnet daemon start', 'tsnet ls', 'tsnet daemon metrics | grep tsnet_', 'tsnet daemon stop'],
  },
  {
    command: 'daemon metrics',
    about: 'for a script: is there a daemon at all? (exit code 3)',
    script: ['tsnet daemon metrics 2>/run/why || [ $? -eq 3 ]'],
  },
]
