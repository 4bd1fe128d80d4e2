/**
 * The examples of README.md, run as they stand on a throwaway host.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { readmeExample } from './readme.ts'
import { unshared } from './unshared.ts'

/** npm ci and the build are behind us where tests run; the link is made as it stands, elsewhere. */
const [built, link = ''] = readmeExample('install').trim().split('\n')
const linked = link.replace('/usr/local/bin/tsnet', '/run/tsnet-link')

/** `tsnet` on the PATH, when each `unshare` has made its namespace. */
const prelude = `
(cd ${repository} && ${linked})
tsnet() {
  for job in $(jobs -p); do ${unshared('$job')}; done
  /run/tsnet-link "$@"
}
# Of the folders the examples write to, the one that is not the host's own already.
mkdir -p /run/opt/upper /run/opt/work
mount -t overlay -o lowerdir=/opt,upperdir=/run/opt/upper,workdir=/run/opt/work overlay /opt || mount -t tmpfs tmpfs /opt
`
/** Folders an engine has made. */
const given = 'mkdir -p /etc/cni/net.d /var/lib/cni/results; chmod 700 /var/lib/cni/results'

/** It outlives the daemon, for whoever wants to know why it ended. */
const daemonLog = [/^files: \/run\/tsnet\/( 700|tsnetd\.log)/]

const exampleLimitMs = 120_000

describe('the examples of the README', { timeout: 150_000 }, () => {
  for (const name of ['main', 'networks', 'app', 'files', 'names', 'plan', 'look', 'cni']) {
    it(`"${name}" runs as it stands and leaves the host as it was`, async () => {
      await using lab = await createLab()
      const host = await lab.host('host', { forwarding: true })
      await host.sh(given)
      const before = await snapshot(host)
      // Sixteen commands, each with Node's start.
      const { stdout, stderr } = await host.run(
        ['bash', '-euc', `${prelude}${readmeExample(name)}\nkill $(jobs -p)`],
        { timeoutMs: exampleLimitMs },
      )
      expect({ stderr, said: stdout.length > 0 }).toEqual({ stderr: '', said: true })
      expect(snapshotDifference(before, await snapshot(host), { except: daemonLog })).toEqual([])
    })
  }

  it('"install" builds what the others run, and links it', () => {
    expect([built, linked]).toEqual([
      'npm ci && npm run build',
      'ln -sfn "$PWD/dist/bin/tsnet" /run/tsnet-link',
    ])
  })

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
