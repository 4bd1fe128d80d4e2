/**
 * The examples of the help, as data, three at least for each command: test/netns runs every one of them in a throwaway
 * host, so what the help shows is true.
 *
 * @module
 */

import { aboutExamples } from './examples/about.ts'
import { cniExamples } from './examples/cni.ts'
import { connectExamples } from './examples/connect.ts'
import { daemonExamples } from './examples/daemon.ts'
import { enginesExamples } from './examples/engines.ts'
import { enterExamples } from './examples/enter.ts'
import type { Example } from './examples/example.ts'
import { lookExamples } from './examples/look.ts'
import { mendExamples } from './examples/mend.ts'
import { namesExamples } from './examples/names.ts'
import { networksExamples } from './examples/networks.ts'
import { placesExamples } from './examples/places.ts'
import { portsExamples } from './examples/ports.ts'
import { watchExamples } from './examples/watch.ts'

export type { Example } from './examples/example.ts'

export const examples: readonly Example[] = [
  ...connectExamples,
  ...lookExamples,
  ...watchExamples,
  ...placesExamples,
  ...enterExamples,
  ...networksExamples,
  ...portsExamples,
  ...namesExamples,
  ...mendExamples,
  ...cniExamples,
  ...enginesExamples,
  ...daemonExamples,
  ...aboutExamples,
]
