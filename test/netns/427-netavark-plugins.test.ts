/**
 * netavark's plugins for real: somebody's program as a driver of ours, and ours
 * as a driver, through the plugin contract on both sides.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { type Json, port } from '../unit/adapters/netavark/requests.ts'
import { type Joined, request } from './netavarkcalls.ts'
import { ours } from './netavarks.ts'

needs('root', 'ip', 'iptables', 'veth', 'bridge', 'busybox', 'built')

/** A link in the container, its call kept, and one it refuses. */
const foreign = `#!/bin/sh
case "$1" in
  info) echo '{"version":"0.1","api_version":"1.0.0"}' ;;
  create) sed 's/"driver":"mine"/"driver":"mine","options":{"made":"here"}/' ;;
  setup)
    cat > /run/told
    if grep -q '"container_name":"c9"' /run/told; then
      echo 'a word on the way' >&2; echo '{"error":"not for c9"}'; exit 1
    fi
    nsenter --net="$2" ip link add eth0 type bridge
    nsenter --net="$2" ip addr add 10.9.9.9/24 dev eth0
    echo '{"dns_search_domains":[],"dns_server_ips":[],"interfaces":{"eth0":{"mac_address":"02:00:00:00:00:09","subnets":[{"ipnet":"10.9.9.9/24","gateway":null}]}}}' ;;
  teardown) nsenter --net="$2" ip link delete eth0 ;;
esac
`

async function netavark(host: Host, words: readonly string[], input: string, expectExit = 0) {
  const { stdout, stderr } = await host.run(
    [
      ...['sh', '-c', 'mkdir -p /run/nv; printf %s "$INPUT" | "$@"', 'sh', `${ours}/netavark`],
      ...['--config', '/run/nv', '--plugin-directory', '/nowhere', '--plugin-directory', '/run/plugins'],
      ...['--plugin-directory', `${ours}/plugins`, ...words],
    ],
    { env: { INPUT: input, TSNET_VIA: 'local' }, expectExit },
  )
  return { stderr, said: stdout === '' ? undefined : (JSON.parse(stdout) as Json) }
}

describe('a driver that is somebody’s program', () => {
  it('completes networks, connects containers, says what is wrong, and takes it back', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    await host.sh(
      `mkdir /run/plugins && printf %s "$PLUGIN" > /run/plugins/mine && chmod 755 /run/plugins/mine`,
      {
        env: { PLUGIN: foreign },
      },
    )
    const [box, other] = [await lab.container(host), await lab.container(host)]
    const id = 'ab'.repeat(32)
    const asked = { network: { name: 'n1', id, driver: 'mine' }, used: {}, options: {} }
    expect((await netavark(host, ['create'], JSON.stringify(asked))).said).toMatchObject({
      ...{ name: 'n1', id, driver: 'mine', options: { made: 'here' } },
    })
    const before = await snapshot(host)
    const network = { driver: 'mine' }
    const input = request({ box, number: 1, network })
    expect(await netavark(host, ['setup', box.netns], input)).toEqual({
      stderr: '',
      said: {
        n1: {
          ...{ dns_search_domains: [], dns_server_ips: [] },
          interfaces: {
            eth0: { mac_address: '02:00:00:00:00:09', subnets: [{ ipnet: '10.9.9.9/24', gateway: null }] },
          },
        },
      },
    })
    const told = JSON.parse((await host.sh('cat /run/told')).stdout) as Json
    expect(Object.keys(told).sort()).toEqual([
      ...['container_id', 'container_name', 'network', 'network_options', 'port_mappings'],
    ])
    expect((await box.sh('ip -o -4 addr show eth0')).stdout).toContain('inet 10.9.9.9/24')
    await netavark(host, ['teardown', box.netns], input)
    expect((await box.sh('ls /sys/class/net')).stdout).toBe('lo\n')
    expect(
      await netavark(host, ['setup', other.netns], request({ box: other, number: 9, network }), 1),
    ).toEqual({
      stderr: 'a word on the way\n',
      said: { error: 'plugin mine failed: exit code 1, message: not for c9' },
    })
    await host.sh('rm /run/told')
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })
})

describe('tsnet as a plugin of netavark', () => {
  it('makes a whole bridge network of `--driver tsnet`, ports and names with it', async () => {
    await using lab = await createLab()
    const host = await lab.host('host', { forwarding: true })
    const before = await snapshot(host)
    const id = 'cd'.repeat(32)
    const asked = { network: { name: 'n1', id, driver: 'tsnet', dns_enabled: true } }
    const { said: network = {} } = await netavark(host, ['create'], JSON.stringify(asked))
    expect(network).toMatchObject({
      ...{ name: 'n1', id, driver: 'tsnet', dns_enabled: true, network_interface: 'tsnet1' },
      subnets: [{ subnet: expect.stringMatching(/^10\.90\.\d+\.0\/24$/) }],
    })
    const [{ subnet }] = network['subnets'] as readonly [{ readonly subnet: string }]
    const address = subnet.replace('.0/24', '.9')
    const gateway = subnet.replace('.0/24', '.1')
    const box = await lab.container(host)
    await box.serve.tcp(80)
    const joined: Joined = {
      ...{ box, number: 1, network },
      joining: { static_ips: [address] },
      call: { port_mappings: [port()] },
    }
    const { said } = await netavark(host, ['setup', box.netns], request(joined))
    expect(said).toMatchObject({
      n1: {
        ...{ dns_search_domains: ['dns.podman'], dns_server_ips: [gateway] },
        interfaces: { eth0: { subnets: [{ ipnet: `${address}/24`, gateway }] } },
      },
    })
    expect(await host.probe.tcp('127.0.0.1', 8080)).toBe('reached')
    expect((await box.sh(`busybox nslookup -type=a c1.dns.podman ${gateway}`)).stdout).toContain(address)
    const again = await netavark(host, ['setup', box.netns], request(joined), 1)
    expect(again.said).toEqual({
      error: expect.stringContaining(
        'plugin tsnet failed: exit code 1, message: create veth pair: interface eth0',
      ),
    })
    await netavark(host, ['teardown', box.netns], request(joined))
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })

  it('tells its versions, and one error for a call it cannot read', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const plugin = async (verb: string, input: string, expectExit = 0): Promise<unknown> => {
      const { stdout } = await host.run(
        ['sh', '-c', 'printf %s "$INPUT" | "$@"', 'sh', `${ours}/plugins/tsnet`, verb, '/proc/self/ns/net'],
        { env: { INPUT: input }, expectExit },
      )
      return JSON.parse(stdout)
    }
    expect(await plugin('info', '')).toEqual({ version: expect.stringMatching(/^\d/), api_version: '1.0.0' })
    expect(await plugin('setup', '[]', 1)).toEqual({ error: 'failed to load call: it is no object' })
    expect(await plugin('start', '{}', 1)).toEqual({
      error: 'unknown command "start": create, setup, teardown or info',
    })
  })
})
