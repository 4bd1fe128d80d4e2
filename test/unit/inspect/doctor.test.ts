/**
 * What `tsnet doctor` says of hosts nobody has to build: above all, that it is silent where nothing is wrong.
 */
import { describe, expect, it } from 'vitest'
import { ailmentsOf } from '../../../lib/inspect/doctor/doctor.ts'
import { iptablesTables } from '../../../lib/inspect/walk/iptables.ts'
import type { RuleTable } from '../../../lib/inspect/walk/model.ts'
import { type Otherwise, patientWith } from './patients.ts'

const found = (otherwise: Otherwise): readonly string[] =>
  ailmentsOf(patientWith(otherwise)).map(({ code, fix, safe }) => `${code}${safe ? '*' : ''}: ${fix}`)
const off = { rest: { sysctls: new Map([['net/ipv4/ip_forward', '0']]) } }

describe('a network whose bridge is not the way out', () => {
  it.each<[what: string, options: Otherwise['options']]>([
    ['without an address of its own (Docker’s inhibit_ipv4, podman without a gateway)', { addressed: false }],
    ['of somebody else (podman’s mode=unmanaged)', { unmanaged: true }],
  ])(
    '%s is in order without its gateway, on a host that does not forward, with a route to it elsewhere',
    (_, options = {}) => {
      expect(found({ addresses: [] })).toEqual(['gateway-missing*: ip addr add 10.90.0.1/24 dev br0'])
      const routes = [{ to: '10.90.0.0/24', via: '198.51.100.9', dev: 'eth0', metric: 0 }]
      expect(found({ ...off, options, addresses: [], routes })).toEqual([])
    },
  )

  it('of somebody else is not set up by --fix', () => {
    expect(found({ bridgeUp: false })).toEqual(['bridge-down*: ip link set br0 up'])
    expect(found({ bridgeUp: false, options: { unmanaged: true } })).toEqual([
      'bridge-down: ip link set br0 up',
    ])
  })
})

describe('a network of a driver that is not ours', () => {
  it('is in order whatever it is made of', () => {
    const of: Otherwise = {
      network: { driver: 'routed' },
      options: { bridge: 'made-up' },
      attachment: { bridge: 'made-up', hostIfname: 'made-up1', addresses: ['10.90.0.2/32'] },
      addresses: [],
      routes: [{ to: '10.90.0.2/32', dev: 'web-1', metric: 0 }],
    }
    expect(found({ ...of, ...off })).toEqual([])
    expect(found({ ...of, network: {} })).not.toEqual([])
  })
})

describe('a route of others to a network', () => {
  const via = { via: '198.51.100.9', dev: 'tun0' }
  const seen = (otherwise: Otherwise): readonly string[] =>
    ailmentsOf(patientWith(otherwise)).flatMap(({ code, evidence, fix }) => [code, ...evidence, fix])
  const move = 'move one of them: tsnet network create with another --subnet, or ip'

  it('takes nothing behind the bridge’s own, and is deleted by all that tells it from that', () => {
    const behind = { to: '10.90.0.0/24', ...via, metric: 50 }
    expect(seen({ routes: [behind] })).toEqual([])
    expect(seen({ routes: [behind, { to: '10.90.0.0/24', ...via, metric: 0 }] })).toEqual([
      'route-overlap',
      'route 10.90.0.0/24 via 198.51.100.9 dev tun0',
      `${move} route del 10.90.0.0/24 via 198.51.100.9 dev tun0`,
    ])
    // The bridge has none.
    expect(seen({ addresses: [], routes: [behind] })).toContain(
      `${move} route del 10.90.0.0/24 via 198.51.100.9 dev tun0 metric 50`,
    )
  })

  it('takes its part whatever its metric where another table has it, which may be asked before main', () => {
    expect(seen({ routes: [{ to: '10.90.0.0/24', ...via, metric: 50, table: 220 }] })).toContain(
      `${move} route del 10.90.0.0/24 via 198.51.100.9 dev tun0 metric 50 table 220`,
    )
  })

  it('takes its part whatever its metric where it is more specific', () => {
    expect(seen({ routes: [{ to: '10.90.0.128/25', dev: 'tun0', metric: 50 }] })).toEqual([
      'route-overlap',
      'route 10.90.0.128/25 dev tun0 metric 50',
      `${move} route del 10.90.0.128/25 dev tun0 metric 50`,
    ])
  })

  it('that comes with an address goes with it', () => {
    expect(
      seen({
        links: [{ name: 'lan0', addresses: ['10.90.0.200/26'] }],
        routes: [{ to: '10.90.0.192/26', dev: 'lan0', metric: 0 }],
      }),
    ).toEqual([
      'route-overlap',
      'address 10.90.0.200/26 on lan0',
      'route 10.90.0.192/26 dev lan0',
      `${move} addr del 10.90.0.200/26 dev lan0`,
    ])
  })
})

describe('a bridge port', () => {
  const lost = (flags: string): Required<Otherwise>['rest'] => ({
    disagreements: [
      {
        ...{ kind: 'step', step: 'bridgePort', subject: 'f00d' },
        what: `missing: bridge link set dev web-1 ${flags}`,
        hint: `bridge link set dev web-1 ${flags}`,
      },
    ],
  })

  it('that has left its bridge gets back the flags it was made with, and no others', () => {
    const commands = 'ip link set web-1 master br0; bridge link set dev web-1'
    expect(found({ master: '', rest: lost('hairpin on isolated on') })).toEqual([
      `not-in-bridge*: ${commands} hairpin on isolated on`,
    ])
    expect(found({ master: '' })).toEqual(['not-in-bridge*: ip link set web-1 master br0'])
  })

  it('that is not isolated any more is told, with who reaches whom', () => {
    const isolated = { port: { isolated: false }, rest: lost('hairpin on isolated on') }
    expect(ailmentsOf(patientWith(isolated))).toEqual([
      {
        code: 'setting-changed',
        severity: 'warning',
        subject: 'web',
        what: 'web and its neighbours reach each other, though its network keeps containers apart (icc=false)',
        evidence: [
          'web-1 has hairpin on isolated off',
          'missing: bridge link set dev web-1 hairpin on isolated on',
        ],
        fix: 'bridge link set dev web-1 hairpin on isolated on',
        commands: [['bridge', 'link', 'set', 'dev', 'web-1', 'hairpin', 'on', 'isolated', 'on']],
        safe: true,
      },
    ])
  })
})

describe('an input chain that drops', () => {
  const dropping = (...rules: readonly string[]): readonly RuleTable[] =>
    iptablesTables([
      {
        tool: 'iptables-legacy',
        family: 4,
        text: ['*filter', ':INPUT DROP [0:0]', ...rules, 'COMMIT', ''].join('\n'),
      },
    ])
  const accept = (port: number): string => `[0:0] -A INPUT -i br0 -p udp -m udp --dport ${port} -j ACCEPT`

  it.each([
    ['', {}, 53, 5300],
    [' that have a port of their own, where they arrive', { dnsPort: 5300 }, 5300, 53],
  ])('takes names away%s', (_, options, port, other) => {
    expect(found({ options, rest: { rules: dropping(accept(port)) } })).toEqual([])
    const [blocked] = ailmentsOf(patientWith({ options, rest: { rules: dropping(accept(other)) } }))
    expect([blocked?.code, blocked?.what.split(' ').slice(-2), blocked?.fix]).toEqual([
      'names-blocked',
      ['port', String(port)],
      `iptables-legacy -I INPUT -i br0 -p udp --dport ${port} -j ACCEPT`,
    ])
    const table = { ...dropping()[0], tool: 'nft', family: 'inet', name: 'admin' } as RuleTable
    expect(found({ options, rest: { rules: [table] } })).toEqual([
      `names-blocked: nft insert rule inet admin INPUT iifname br0 udp dport ${port} accept`,
    ])
  })
})

describe('what concerns one container', () => {
  it.each(['k8s_web', '0123456789abcdef', '0123456789ab', '0123'])(
    'is found by each of its names and ids: %s',
    (word) => {
      const patient = patientWith({
        container: { id: '0123456789abcdef' },
        called: 'k8s_web',
        bridgeUp: false,
        master: '',
        rest: {
          disagreements: [
            {
              ...{ kind: 'step', step: 'rules', subject: '0123456789abcdef~eth0' },
              ...{ what: 'missing: a rule', hint: 'tsnet gc' },
            },
          ],
        },
      })
      const concerning = ailmentsOf(patient, word)
      expect(concerning.map(({ code, subject }) => [code, subject])).toEqual([
        ['bridge-down', 'shop'],
        ['not-in-bridge', '0123456789ab'],
        ['rules-missing', '0123456789ab'],
      ])
      expect(concerning).toEqual(ailmentsOf(patient))
    },
  )

  it('of an engine’s endpoint, which is told by its name, is not freed while a process is in its namespace', () => {
    const gone = { kind: 'sandbox', what: 'endpoint ab12 is gone', hint: 'tsnet gc' } as const
    for (const subject of ['f00d', 'web']) {
      const [told] = ailmentsOf(patientWith({ rest: { disagreements: [{ ...gone, subject }] } }))
      expect([told?.code, told?.subject, told?.safe]).toEqual(['container-gone', 'web', false])
    }
  })

  it('is also told where its record cannot be read, by the file that was set aside', () => {
    const hint = 'tsnet teardown f00d'
    const record = { kind: 'record', subject: 'f00d~eth1', what: 'it was set aside', hint }
    const [told] = ailmentsOf(patientWith({ rest: { disagreements: [record] } }), 'web')
    expect([told?.code, told?.subject, told?.evidence, told?.fix]).toEqual([
      ...['record-unreadable', 'web', ['f00d~eth1.json.unreadable']],
      hint,
    ])
  })
})

describe('the way to names outside', () => {
  const asking = (...servers: readonly (readonly [string, boolean])[]): Otherwise => ({
    rest: { resolvers: servers.map(([server, answers]) => ({ server, answers })) },
  })
  const [loop, dead] = [asking(['10.90.0.1', true]), asking(['198.51.100.2', false])]
  const instead = 'into /etc/resolv.conf; or tsnet network update shop --dns ADDRESS'

  it('is no way where the host asks nobody but the gateway, or nobody who answers', () => {
    expect(found(loop)).toEqual([`dns-loop: put the real name server ${instead}`])
    expect(found(dead)).toEqual([`dns-upstream-dead: put a name server that answers ${instead}`])
    // Not the gateway's answer counts, but that of the one it asks.
    expect(found(asking(['10.90.0.1', true], ['198.51.100.2', false]))).toEqual(found(dead))
  })

  it('is in order where the host names the gateway and a real server', () => {
    expect(found(asking(['10.90.0.1', false], ['198.51.100.2', true]))).toEqual([])
  })

  it.each<[what: string, of: Otherwise]>([
    ['its network names servers', { options: { forwarders: ['192.0.2.53'] } }],
    ['it names servers itself', { resolver: { forwarders: ['192.0.2.53'] } }],
    ['all its networks are internal', { network: { internal: true } }],
  ])('is no matter of the host’s servers to a container where %s', (_, of) => {
    expect([found({ ...loop, ...of }), found({ ...dead, ...of })]).toEqual([[], []])
  })
})
