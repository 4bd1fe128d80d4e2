/**
 * Real engines on our CNI plugins: podman's CNI backend, and containerd through
 * `ctr run --cni`, with Debian's packages and an image made on the spot.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { needs } from '../../netns-fixtures/requirements.ts'
import { engine, engineLimitMs } from './engines.ts'

needs('root', 'ip', 'iptables', 'veth', 'bridge', 'busybox', 'curl', 'podman', 'containerd')

describe('podman with network_backend=cni', () => {
  it('runs, publishes, honours --ip and --mac-address, and leaves nothing', {
    timeout: engineLimitMs,
  }, async () => {
    const told = await engine('podman')
    expect(told).toMatchObject({
      published: 'hello',
      neighbour: 'hello',
      inspect: '10.77.0.9 02:00:00:00:00:77',
      after: '',
      links: '',
    })
    expect(told['installed']).toMatch(/inet 10\./)
    expect(told['ls']).toMatch(/web +10\.77\.0\.2 +8088->80\/tcp/)
  })
})

const lists: Readonly<Record<string, unknown>> = {
  'what tsnet cni install wrote': undefined,
  'our conflist': {
    cniVersion: '1.0.0',
    name: 'ctr',
    plugins: [{ type: 'tsnet', capabilities: { portMappings: true } }],
  },
  // As nerdctl writes it for its default network.
  "nerdctl's": {
    cniVersion: '1.0.0',
    name: 'bridge',
    nerdctlID: '17f29b073143d8cd97b5bbe492bdeffec1c5fee55cc1fe2112c8b9335f8b6121',
    nerdctlLabels: { 'nerdctl/default-network': 'true' },
    plugins: [
      {
        type: 'bridge',
        bridge: 'nerdctl0',
        isGateway: true,
        ipMasq: true,
        hairpinMode: true,
        ipam: {
          ranges: [[{ gateway: '10.4.0.1', subnet: '10.4.0.0/24' }]],
          routes: [{ dst: '0.0.0.0/0' }],
          type: 'host-local',
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
      { type: 'firewall', ingressPolicy: 'same-bridge' },
      { type: 'tuning' },
    ],
  },
}

describe('containerd with ctr run --cni', () => {
  it.each(Object.keys(lists))('connects containers with %s', { timeout: engineLimitMs }, async (name) => {
    const told = await engine('containerd', { CONFLIST: JSON.stringify(lists[name]) ?? '' })
    expect(told['address']).toMatch(/^10\./)
    expect(told['reached']).toBe('hello')
    expect(told['ls']).toContain(told['address'])
    expect(told['second']).toMatch(/^hello\n.*inet 10\./s)
    expect(told['afterSecond']).toBe('default-c1')
    expect(told['gc']).toBe('')
  })
})
