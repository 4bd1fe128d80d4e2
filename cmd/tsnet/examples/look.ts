/**
 * Examples of the commands that show what is there.
 *
 * @module
 */

import type { Example } from './example.ts'

export const lookExamples: readonly Example[] = [
  {
    command: 'ls',
    about: 'what is connected',
    script: ['tsnet ls'],
    given: ['web'],
  },
  {
    command: 'ls',
    about: 'ids for a script',
    script: ['tsnet ls -q | xargs -r tsnet teardown'],
    given: ['web'],
  },
  {
    command: 'ls',
    about: 'for a program',
    script: ['tsnet ls --json'],
    given: ['web'],
  },
  {
    command: 'ps',
    about: 'containers with networks, addresses, ports and traffic',
    script: ['tsnet ps'],
    given: ['web'],
  },
  {
    command: 'ps',
    about: 'ids, one a line',
    script: ['tsnet ps -q'],
    given: ['web'],
  },
  {
    command: 'ps',
    about: 'for a program',
    script: ['tsnet ps --json'],
    given: ['web'],
  },
  {
    command: 'map',
    about: 'a tree of bridges and containers',
    script: ['tsnet map'],
    given: ['web'],
  },
  {
    command: 'map',
    about: 'a picture for a page',
    script: ['tsnet map --svg > /run/map.svg'],
    given: ['web'],
  },
  {
    command: 'map',
    about: 'a chart for a README',
    script: ['tsnet map --mermaid'],
    given: ['web'],
  },
  {
    command: 'inspect',
    about: 'the whole record',
    script: ['tsnet inspect web'],
    given: ['web'],
  },
  {
    command: 'inspect',
    about: "its address, in Docker's words",
    script: ["tsnet inspect --format '{{.NetworkSettings.IPAddress}}' web"],
    given: ['web'],
  },
  {
    command: 'inspect',
    about: 'its addresses, one for each network',
    script: [
      "all='{{range .NetworkSettings.Networks}}{{println .IPAddress}}{{end}}'",
      'tsnet inspect web --format "$all"',
    ],
    given: ['web'],
  },
  {
    command: 'port',
    about: 'where is it published?',
    script: ['tsnet port web'],
    given: ['web'],
  },
  {
    command: 'port',
    about: 'where is its port 80?',
    script: ['tsnet port web 80/tcp'],
    given: ['web'],
  },
  {
    command: 'port',
    about: 'for a program',
    script: ['tsnet port web --json'],
    given: ['web'],
  },
  {
    command: 'port',
    about: 'by the namespace it was set up with',
    script: ['tsnet port --pid $PID'],
    given: ['web'],
  },
  {
    command: 'route',
    about: 'where does a container send its packets?',
    script: ['tsnet route web'],
    given: ['web'],
  },
  {
    command: 'route',
    about: 'the same of this host',
    script: ['tsnet route host'],
    given: ['web'],
  },
  {
    command: 'route',
    about: 'for a program',
    script: ['tsnet route web --json'],
    given: ['web'],
  },
]
