/**
 * The protocol without a process: variables, versions, errors, bad input.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { allVersions } from '../../../../lib/adapters/cni/versions.ts'
import { plugins } from '../../../../plugins/registry.ts'
import { call, pluginOf } from './call.ts'

const conf = (keys: Record<string, unknown> = {}): string =>
  JSON.stringify({ cniVersion: '1.1.0', name: 'n1', type: 'tsnet', ...keys })

const types = Object.keys(plugins)

describe('every plugin', () => {
  it.each(types)('%s tells its versions, and who it is when nobody asks', async (type) => {
    const plugin = await pluginOf(type)
    const version = await call(plugin, { env: { CNI_COMMAND: 'VERSION' }, stdin: 'this is no JSON' })
    const oldest: Record<string, string> = { firewall: '0.4.0', bandwidth: '0.3.0', vrf: '0.3.1' }
    expect(JSON.parse(version.stdout)).toEqual({
      cniVersion: '1.1.0',
      supportedVersions: allVersions.slice(allVersions.indexOf((oldest[type] ?? '0.1.0') as '0.1.0')),
    })
    const about = await call(plugin, { env: { CNI_COMMAND: undefined } })
    expect(about).toMatchObject({ code: 0, stdout: '' })
    expect(about.stderr.split('\n')[0]).toMatch(new RegExp(`^CNI ${type} plugin v\\d+\\.\\d+\\.\\d+\\+tsnet`))
  })

  it.each(types)(
    '%s refuses a version it does not know, and CHECK, GC, STATUS where the configuration is too old',
    async (type) => {
      const plugin = await pluginOf(type)
      const unknown = await call(plugin, { stdin: conf({ cniVersion: '9.9.9' }) })
      expect(JSON.parse(unknown.stdout)).toMatchObject({ code: 1, msg: 'incompatible CNI versions' })
      for (const [command, cniVersion] of [
        ['CHECK', '0.3.1'],
        ['GC', '1.0.0'],
        ['STATUS', '1.0.0'],
      ]) {
        const old = await call(plugin, { env: { CNI_COMMAND: command }, stdin: conf({ cniVersion }) })
        expect(JSON.parse(old.stdout)).toMatchObject({ code: 1 })
      }
    },
  )
})

describe('bad input', () => {
  it.each<[what: string, env: Record<string, string | undefined>, stdin: string, code: number, says: RegExp]>(
    [
      [
        'all variables missing',
        { CNI_CONTAINERID: '', CNI_NETNS: '', CNI_IFNAME: '' },
        conf(),
        4,
        /\[CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME\] missing/,
      ],
      ['an unknown command', { CNI_COMMAND: 'PLAY' }, conf(), 4, /unknown CNI_COMMAND: PLAY/],
      ['an id with a slash', { CNI_CONTAINERID: '../etc' }, conf(), 4, /CNI_CONTAINERID/],
      ['an interface name of 16 bytes', { CNI_IFNAME: 'abcdefghijklmnop' }, conf(), 4, /CNI_IFNAME/],
      ['an interface name with a colon', { CNI_IFNAME: 'eth:0' }, conf(), 4, /CNI_IFNAME/],
      ['no JSON', {}, '{"name":', 6, /parsing the network configuration/],
      ['a list', {}, '[]', 6, /no JSON object/],
      ['no name', {}, conf({ name: undefined }), 7, /missing network name/],
      ['a name with path characters', {}, conf({ name: '../../x' }), 7, /invalid characters/],
      ['a name of the wrong type', {}, conf({ name: 7 }), 7, /name is 7/],
      ['a version of the wrong type', {}, conf({ cniVersion: 1 }), 6, /cniVersion/],
      ['an MTU of the wrong type', {}, conf({ mtu: 'big' }), 7, /mtu is "big", a whole number/],
      ['a negative MTU', {}, conf({ mtu: -1 }), 7, /invalid MTU -1/],
      ...[0, -1, 1.5, 'many', 10 ** 12].map((limit): [string, object, string, number, RegExp] => [
        `connections limited to ${JSON.stringify(limit)}`,
        {},
        conf({ protect: 'strict', conntrackLimit: limit }),
        7,
        new RegExp(
          `conntrackLimit is ${JSON.stringify(limit)}, a whole number of connections, 1 to 4294967295, is needed$`,
        ),
      ]),
      [
        'connections limited without protection',
        {},
        conf({ conntrackLimit: 100 }),
        7,
        /conntrackLimit is 100, with it "protect": "strict" is needed$/,
      ],
      ['a MAC that is none', {}, conf({ runtimeConfig: { mac: 'zz' } }), 7, /invalid MAC/],
      ['a pair without a value in CNI_ARGS', { CNI_ARGS: 'A' }, conf(), 4, /invalid pair/],
      ['an unknown key in CNI_ARGS', { CNI_ARGS: 'A=b' }, conf(), 4, /unknown args A/],
      [
        'a port beyond the last',
        {},
        conf({ runtimeConfig: { portMappings: [{ hostPort: 70000, containerPort: 80 }] } }),
        7,
        /hostPort/,
      ],
      [
        'a previous result nobody can read',
        {},
        conf({ prevResult: { cniVersion: '1.0.0', ips: [{ address: 'x' }] } }),
        6,
        /no address with a prefix/,
      ],
    ],
  )('%s: the code, one sentence', async (_, env, stdin, code, says) => {
    const said = await call(await pluginOf('tsnet'), { env, stdin })
    expect(said.code).toBe(1)
    const error = JSON.parse(said.stdout) as { code: number; msg: string; cniVersion: string }
    expect(error).toMatchObject({ code, msg: expect.stringMatching(says), cniVersion: expect.any(String) })
    expect(error.msg).not.toContain('\n')
  })

  it('refuses its own namespace before anything is done, unless it is overridden', async () => {
    const plugin = await pluginOf('bridge')
    const engine = { isOwnNetns: () => true, close: async () => undefined } as never
    const said = await call(plugin, { stdin: conf({ type: 'bridge' }), engine })
    expect(JSON.parse(said.stdout)).toMatchObject({ code: 8 })
  })

  it('CHECK needs the previous result', async () => {
    const said = await call(await pluginOf('bridge'), { env: { CNI_COMMAND: 'CHECK' }, stdin: conf() })
    expect(JSON.parse(said.stdout)).toMatchObject({ code: 7, msg: 'Required prevResult missing' })
  })

  it.each(['portmap', 'firewall', 'tuning', 'bandwidth', 'sbr', 'vrf', 'dns'])(
    '%s must be chained',
    async (type) => {
      const said = await call(await pluginOf(type), { stdin: conf({ cniVersion: '1.0.0', vrfname: 'x' }) })
      expect(JSON.parse(said.stdout)).toMatchObject({ code: 7, msg: 'must be called as chained plugin' })
    },
  )

  it.each<[type: string, keys: Record<string, unknown>, says: RegExp]>([
    ['bridge', { hairpinMode: true, promiscMode: true }, /hairpin mode and promiscuous/],
    ['bridge', { vlan: 5000 }, /invalid VLAN ID 5000/],
    ['bridge', { vlanTrunk: [{ minID: 9, maxID: 3 }] }, /incorrect trunk ID range/],
    ['bridge', { ipMasqBackend: 'pf' }, /ipMasqBackend/],
    ['bridge', { disableContainerInterface: true, ipam: { type: 'static' } }, /IPAM/],
    ['macvlan', { mode: 'odd' }, /unknown macvlan mode/],
    ['ipvlan', { mode: 'odd' }, /unknown ipvlan mode/],
    ['vlan', { ipam: { type: 'static' } }, /"master" field is required/],
    ['vlan', { master: 'x', vlanId: 4095, ipam: { type: 'static' } }, /invalid VLAN ID/],
    ['dummy', {}, /IPAM config missing/],
    ['ptp', {}, /IPAM config missing/],
    ['host-device', {}, /specify either/],
  ])('%s refuses %o', async (type, keys, says) => {
    const said = await call(await pluginOf(type), { stdin: conf({ cniVersion: '1.0.0', type, ...keys }) })
    expect(JSON.parse(said.stdout)).toMatchObject({ code: 7, msg: expect.stringMatching(says) })
  })
})
