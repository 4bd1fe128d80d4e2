/**
 * Two projects: `unit` needs nothing but Node, `netns` needs root and the
 * Debian packages that netns-fixtures/requirements.ts names.
 *
 * @module
 */
import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'

const root = fileURLToPath(new URL('..', import.meta.url))

// Node 20 does not know `await using`: it is lowered on the way in.
const oxc = { target: 'node20' }

const config: ViteUserConfig = defineConfig({
  test: {
    root,
    // Here and not in the projects, which would each run it again: once around everything.
    globalSetup: ['test/setup.ts'],
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
          // Hosts share nothing, so files run beside each other; more than two would starve small machines.
          fileParallelism: true,
          maxWorkers: 2,
          // The longest take twenty seconds; commands and waits in them have limits of their own that say more.
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})

export default config
