/**
 * Two projects: `unit` needs nothing but Node, `netns` needs root and the
 * Debian packages that netns-fixtures/requirements.ts names.
 *
 * @module
 */
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const root = fileURLToPath(new URL('..', import.meta.url))

export default defineConfig({
  // Node 20 does not know `await using`: it is lowered on the way in.
  oxc: { target: 'node20' },
  test: {
    root,
    globalSetup: ['test/setup.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/{unit,contract,docs}/**/*.test.ts'],
          testTimeout: 20_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'netns',
          include: ['test/netns/**/*.test.ts'],
          pool: 'forks',
          // Hosts share nothing, so files run beside each other; more than two would starve small machines.
          fileParallelism: true,
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
})
