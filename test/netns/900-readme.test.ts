/**
 * The examples of README.md, run as they stand on a throwaway host.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { readmeExample } from './readme.ts'

/** `tsnet` on the PATH, when the last `unshare` has made its namespace. */
const prelude = `
ln -s ${repository}dist/bin/tsnet /run/tsnet-link
tsnet() {
  while [ -n "\${!-}" ] && [ "$(readlink /proc/$!/ns/net)" = "$(readlink /proc/$$/ns/net)" ]; do sleep 0.02; done
  /run/tsnet-link "$@"
}
`

const exampleLimitMs = 45_000

describe('the examples of the README', { timeout: 60_000 }, () => {
  for (const name of ['main', 'networks', 'app', 'files', 'names', 'plan', 'look']) {
    it(`"${name}" runs as it stands and leaves the host as it was`, async () => {
      await using lab = await createLab()
      const host = await lab.host('host', { forwarding: true })
      const before = await snapshot(host)
      // Sixteen commands, each with Node's start.
      const { stdout, stderr } = await host.run(
        ['bash', '-euc', `${prelude}${readmeExample(name)}\nkill $(jobs -p)`],
        { timeoutMs: exampleLimitMs },
      )
      expect({ stderr, said: stdout.length > 0 }).toEqual({ stderr: '', said: true })
      expect(snapshotDifference(before, await snapshot(host))).toEqual([])
    })
  }

  it('the library example sets up, prints the address and takes down', async () => {
    await using lab = await createLab()
    const host = await lab.host('host', { forwarding: true })
    const box = await lab.container(host)
    // Inside the package, so that `tsnet` means this build.
    mkdirSync(`${repository}dist`, { recursive: true })
    const folder = mkdtempSync(`${repository}dist/readme-`)
    try {
      writeFileSync(`${folder}/example.mjs`, readmeExample('library'))
      const before = await snapshot(host)
      const { stdout } = await host.run([process.execPath, `${folder}/example.mjs`, String(box.pid)])
      expect(stdout).toMatch(/^\[ '10\.89\.0\.2\/24', 'fd[0-9a-f:]+::2\/64' \]\n$/)
      expect(snapshotDifference(before, await snapshot(host))).toEqual([])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
