/**
 * Bare runc and crun, connected by the hook: Debian's packages, bundles made on
 * the spot.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { needs } from '../../netns-fixtures/requirements.ts'
import { engine, engineLimitMs } from './engines.ts'
import { readmeExample } from './readme.ts'

needs('root', 'ip', 'iptables', 'veth', 'bridge', 'busybox', 'curl', 'oci', 'built')

describe.each(['runc', 'crun'])('the example of the README with %s', (runtime) => {
  it('publishes, resolves both ways and leaves nothing', { timeout: engineLimitMs }, async () => {
    const { example = '', left } = await engine('oci-example', {
      RUNTIME: runtime,
      EXAMPLE: readmeExample('oci'),
    })
    expect(left).toBe('')
    // The page is the hosts file of web; then each has asked for the other.
    expect(example).toContain('10.89.0.2\trunc web')
    expect(example.match(/^Address: 10\..*$/gm)).toEqual(['Address: 10.89.0.3', 'Address: 10.89.0.2'])
  })
})

describe.each(['runc', 'crun'])('a bundle started by %s', (runtime) => {
  it('is connected, published, known by name, and gone without a trace', {
    timeout: engineLimitMs,
  }, async () => {
    const told = await engine('oci', { RUNTIME: runtime })
    expect(told).toMatchObject({
      patched: '/run/work/web/config.json\n/run/work/db/config.json',
      started: 'yes',
      served: 'hooks/tsnet-hook createRuntime',
      published: 'hello',
      named: 'hello\n10.89.0.3',
      // A hook that fails fails the start: nothing of the container is left.
      none: 'web\nweb',
      defaults: 'back 10.99.0.2/24 sql 5432',
      killed: 'web',
      unpatched: 'config.json\nrootfs',
      after: '',
      rootfs: '',
    })
    expect(told['files']).toMatch(/^nameserver 10\.89\.0\.1\n/)
    expect(told['files']).toContain('10.89.0.3\tdb-host db')
    expect(told['ls']).toMatch(/^web .*10\.89\.0\.2.*8088->80\/tcp[\s\S]*80\/tcp -> 0\.0\.0\.0:8088/m)
    expect(told['refused']).toContain('createRuntime of db: publishing 8088/tcp: held by container web')
    expect(told['misspelt']).toContain('reading net.tsnet.publsh: there is no such wish')
    expect(told['misspelt']).toMatch(/did you mean .{0,1}"publish.{0,1}"\?/)
  })
})
