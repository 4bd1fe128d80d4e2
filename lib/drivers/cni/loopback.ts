/**
 * The CNI plugin `loopback`: `lo` up, and down again.
 *
 * @module
 */

import { linkNamed, type PartPlanner } from './part.ts'

export const loopbackPart: PartPlanner<Readonly<Record<string, never>>> = {
  looks: (_, doing) => (doing === 'check' ? [{ what: 'sandbox' }] : []),
  add: () => ({
    // Nothing to remember: whoever comes second finds it up.
    shared: [{ kind: 'linkUp', where: 'sandbox', dev: 'lo', before: 'down' }],
    steps: [],
    interfaces: [],
  }),
  remove: () => [{ kind: 'linkUp', where: 'sandbox', dev: 'lo', before: 'down' }],
  check: ({ facts }) => (linkNamed(facts.sandbox, 'lo')?.up === true ? [] : ['loopback interface is down']),
  unrecorded: true,
}
