/**
 * Running a script of engines/ in a host of its own, with a pid namespace that
 * ends with it.
 *
 * @module
 */
import { createRequire } from 'node:module'
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'

export const engineLimitMs = 240_000

/** Runs an engine script in a host of its own. @returns its sections */
export async function engine(
  script: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Record<string, string>> {
  await using lab = await createLab()
  const host = await lab.host('host')
  const scripts = `${repository}test/netns/engines`
  const { stdout } = await host.run(
    ['unshare', '-mp', '--fork', '--mount-proc', 'sh', `${scripts}/${script}.sh`],
    {
      env: {
        TSNET: `${repository}dist`,
        SCRIPTS: scripts,
        ROOT: repository,
        NODE: process.execPath,
        LOADER: createRequire(import.meta.url).resolve('tsx'),
        ...env,
      },
      timeoutMs: engineLimitMs,
    },
  )
  return sectionsOf(stdout)
}

/** What a script has printed under each of its `== NAME ==`. */
export function sectionsOf(stdout: string): Record<string, string> {
  const sections = stdout.split(/^== (\w+) ==\n/m).slice(1)
  return Object.fromEntries(
    Array.from({ length: sections.length / 2 }, (_, i) => [
      sections[2 * i] as string,
      (sections[2 * i + 1] as string).trim(),
    ]),
  )
}
