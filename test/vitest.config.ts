/**
 * Two projects: `unit` needs nothing but Node, `netns` needs root and the
 * Debian packages that netns-fixtures/requirements.ts names.
 *
 * @module
 */
import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'
import { LongestFirst } from './longest-first.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

// Node 20 reads these authorities at every start, 100 ms and more; workers and what they start speak no TLS.
delete process.env['NODE_EXTRA_CA_CERTS']

// Node 20 does not know `await using`: it is lowered on the way in.
const oxc = { target: 'node20' }

const config: ViteUserConfig = defineConfig({
  test: {
    root,
    // Here and not in the projects, which would each run it again: once around everything.
    globalSetup: ['test/setup.ts'],
    sequence: { sequencer: LongestFirst },
    // The comparison of the machine before and after is part of the run.
    teardownTimeout: 120_000,
    projects: [
      {
        oxc,
        test: {
          root,
          name: 'unit',
          include: ['test/{unit,contract,docs}/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        oxc,
        test: {
          root,
          name: 'netns',
          include: ['test/netns/**/*.test.ts'],
          pool: 'forks',
          // Hosts share nothing, so files run beside each other. They wait for a third of the time: three of them keep two
          // processors busy, and more would starve each other.
          fileParallelism: true,
          maxWorkers: 3,
          // The longest take twenty seconds, on a machine that is slow and busy a hundred; commands and waits in them have
          // limits of their own that say more.
          testTimeout: 240_000,
          hookTimeout: 240_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})

export default config
