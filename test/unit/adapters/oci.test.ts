/**
 * What the hook makes of the state and of wishes, and of mistakes in them.
 *
 * @module
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { bundleFiles, readConfig } from '../../../lib/adapters/oci/bundle.ts'
import { patchBundle, unpatchBundle } from '../../../lib/adapters/oci/patch.ts'
import { runHook } from '../../../lib/adapters/oci/run.ts'
import { requestOf, wishesOfAnnotations, wishesOfFile } from '../../../lib/adapters/oci/wishes.ts'

const top = mkdtempSync(join(tmpdir(), 'tsnet-oci-'))
afterEach(() => rmSync(top, { recursive: true, force: true }))

/** A bundle with a root file system that has an /etc. */
function bundle(config: unknown): string {
  mkdirSync(join(top, 'rootfs/etc'), { recursive: true })
  writeFileSync(join(top, 'config.json'), `${JSON.stringify(config, null, '\t')}\n`)
  return top
}

async function hook(stdin: string, ...argv: string[]): Promise<{ code: number; said: string }> {
  let said = ''
  const code = await runHook({
    argv,
    stdin: () => stdin,
    stderr: (text) => {
      said += text
    },
    openEngine: () => Promise.reject(new Error('no engine is needed')),
    defaults: join(top, 'hooks.json'),
  })
  return { code, said }
}

const state = (more: Record<string, unknown> = {}): string =>
  JSON.stringify({ ociVersion: '1.0.2', id: 'web', status: 'creating', pid: 42, bundle: top, ...more })

describe('annotations', () => {
  it('are what the flags of setup are', () => {
    const wishes = wishesOfAnnotations({
      'net.tsnet.network': 'front:alias=www back',
      'net.tsnet.publish': '8080:80, 53:53/udp',
      'net.tsnet.ip': '10.1.0.9',
      'net.tsnet.alias': 'a b',
      'net.tsnet.dns': '192.0.2.53',
      'org.example': 'is left alone',
    })
    expect(requestOf({ id: 'web', netns: '/proc/42/ns/net', hostname: 'h' }, [wishes])).toEqual({
      sandbox: { path: '/proc/42/ns/net' },
      container: { id: 'web', name: 'web', hostname: 'h' },
      mode: 'bridge',
      networks: [
        { network: 'front', addresses: ['10.1.0.9'], aliases: ['www', 'a', 'b'] },
        { network: 'back', aliases: ['a', 'b'] },
      ],
      publish: [
        { hostPort: 8080, containerPort: 80, count: 1, protocol: 'tcp' },
        { hostPort: 53, containerPort: 53, count: 1, protocol: 'udp' },
      ],
      expose: [],
      publishAll: false,
      ignorePublish: false,
      resolver: { servers: ['192.0.2.53'] },
      sysctls: {},
    })
  })

  it('win over the defaults of the host, one by one', () => {
    const own = wishesOfAnnotations({ 'net.tsnet.network': 'back' })
    const host = wishesOfFile({ network: ['front'], publish: '80:80', 'publish-all': true }, 'hooks.json')
    const request = requestOf({ id: 'x', netns: '' }, [own, host])
    expect([request.networks, request.publish.length, request.publishAll]).toEqual([
      [{ network: 'back' }],
      1,
      true,
    ])
  })

  it('give no name to a container whose id is an engine’s', () => {
    const { container } = requestOf({ id: 'a'.repeat(64), netns: '' }, [])
    expect(container).toEqual({ id: 'a'.repeat(64) })
  })
})

describe('a hook that fails says why', () => {
  it.each([
    ['', 'reading the state of the container: standard input is empty'],
    ['{', 'line 1, column 2'],
    ['{"id":"web"}', 'status'],
    [JSON.stringify({ id: '../x', status: 'created', bundle: '/b' }), '"../x"'],
    [state({ pid: 0 }), 'the state has no pid'],
    [state({ annotations: { 'net.tsnet.publsh': '1' } }), 'reading net.tsnet.publsh: there is no such wish'],
    [state({ annotations: { 'net.tsnet.publish': '99999:1' } }), 'reading net.tsnet.publish'],
    [state({ annotations: { 'net.tsnet.ip': '1.2.3.4 5.6.7.8' } }), 'one value was expected, there are 2'],
    [state({ annotations: { 'net.tsnet.mac': '' } }), 'reading net.tsnet.mac: it is empty'],
    [state({ annotations: { 'net.tsnet.publish-all': 'yes' } }), '"yes" is neither true nor false'],
    [state({ annotations: { 'net.tsnet.firewall': 'ufw' } }), '"ufw" is no firewall backend'],
    [state({ annotations: { 'net.tsnet.network': 'host back' } }), 'cannot be combined'],
    [state({ bundle: '/nowhere/at/all' }), 'reading the bundle'],
  ])('%s', async (stdin, why) => {
    bundle({})
    const { code, said } = await hook(stdin)
    expect(code).toBe(1)
    expect(said).toContain(why)
  })

  it.each([
    ['network', 'no/name'],
    ['network', 'front:ip=nowhere'],
    ['network', 'host back'],
    ['publish', '8080:80/icmp'],
    ['expose', 'http'],
    ['publish-all', '2'],
    ['ignore-publish', 'no'],
    ['alias', 'under score!'],
    ['ip', 'fd00::1'],
    ['ip6', '10.0.0.1'],
    ['mac', '01:00:5e:00:00:01'],
    ['mtu', 'big'],
    ['name', '-x'],
    ['hostname', 'a..b'],
    ['dns', 'one.one.one.one'],
    ['dns-search', 'a..b'],
    ['dns-option', 'a\u0000b'],
    ['add-host', 'db'],
    ['link', 'a:b:c'],
    ['firewall', 'pf'],
  ])('and names the annotation: net.tsnet.%s %s', async (name, value) => {
    bundle({})
    const { code, said } = await hook(state({ annotations: { [`net.tsnet.${name}`]: value } }))
    expect(code).toBe(1)
    expect(said.split(': ').slice(2)[0]).toContain(`net.tsnet.${name}`)
  })

  it('names the file where the host’s defaults are wrong', async () => {
    bundle({})
    writeFileSync(join(top, 'hooks.json'), '{"publish": ["80:80", 7]}')
    expect((await hook(state())).said).toContain(`${top}/hooks.json publish: text or a list of texts`)
  })

  it('and so does one that is called as something else', async () => {
    expect((await hook(state(), 'poststopp')).said).toContain('"poststopp" is no hook of tsnet')
  })
})

describe('resolv.conf and hosts of a bundle', () => {
  const mounted = (source: string): { mounts: unknown[] } => ({
    mounts: [{ destination: '/etc/hosts', source }],
  })
  it('are those of its root, or what is mounted from within the bundle', () => {
    bundle(mounted('hosts'))
    writeFileSync(join(top, 'hosts'), '')
    expect(bundleFiles(top, readConfig(join(top, 'config.json')))).toEqual({
      resolvConf: join(top, 'rootfs/etc/resolv.conf'),
      hostsFile: join(top, 'hosts'),
      remarks: [],
    })
  })

  it('are never files of the host', () => {
    bundle(mounted('/etc/hosts'))
    symlinkSync('/etc/resolv.conf', join(top, 'rootfs/etc/resolv.conf'))
    expect(bundleFiles(top, readConfig(join(top, 'config.json')))).toEqual({
      remarks: [
        '/etc/resolv.conf is left as it is: it is a link',
        '/etc/hosts is left as it is: /etc/hosts is no file of the bundle',
      ],
    })
  })

  it('are not looked for where the root leads out', () => {
    bundle({})
    rmSync(join(top, 'rootfs/etc'), { recursive: true })
    symlinkSync('/etc', join(top, 'rootfs/etc'))
    expect(bundleFiles(top, {}).remarks[0]).toBe(
      '/etc/resolv.conf is left as it is: /etc leads out of its root',
    )
  })
})

describe('a bundle that is patched', () => {
  const before = {
    ociVersion: '1.0.2',
    hooks: { poststop: [{ path: '/bin/true' }] },
    annotations: { other: 'x' },
    linux: { namespaces: [{ type: 'network' }, { type: 'pid' }] },
    mounts: [],
  }
  it('has hooks and wishes once, however often, and is as before when they are removed', () => {
    bundle(before)
    const path = join(top, 'config.json')
    const text = readFileSync(path, 'utf8')
    patchBundle(path, { hook: '/opt/tsnet-hook', wishes: { publish: ['1:1'], network: ['old'] } })
    const after = patchBundle(path, { hook: '/opt/tsnet-hook', wishes: { network: ['front', 'back'] } })
    expect(after).toEqual({
      ...before,
      annotations: { other: 'x', 'net.tsnet.network': 'front back' },
      hooks: {
        createRuntime: [{ path: '/opt/tsnet-hook', args: ['tsnet-hook', 'createRuntime'] }],
        poststop: [{ path: '/bin/true' }, { path: '/opt/tsnet-hook', args: ['tsnet-hook', 'poststop'] }],
      },
      mounts: ['resolv.conf', 'hosts'].map((source) => ({
        destination: `/etc/${source}`,
        type: 'bind',
        source,
        options: ['rbind', 'rprivate'],
      })),
    })
    unpatchBundle(path)
    expect(readFileSync(path, 'utf8')).toBe(text)
  })

  it('is not touched where a wish cannot be read', () => {
    bundle(before)
    const path = join(top, 'config.json')
    const text = readFileSync(path, 'utf8')
    expect(() => patchBundle(path, { hook: '/h/tsnet-hook', wishes: { publish: ['x'] } })).toThrow(
      'reading net.tsnet.publish',
    )
    expect(readFileSync(path, 'utf8')).toBe(text)
  })
})
