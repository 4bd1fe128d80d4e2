/**
 * Connections with names: who talks to whom, by which port, under which address.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { FlowView } from '../../lib/index.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { setUpNamed } from './named.ts'

needs('root', 'ip', 'nft', 'veth', 'bridge', 'ipv6')

describe('tsnet conntrack', () => {
  it('names both ends, the published port a client came by, and the address others see', async () => {
    await using lab = await createLab()
    const host = await lab.host('host', { forwarding: true })
    const outside = await lab.host('outside')
    await lab.wire(host, outside, '198.51.100.0/24')
    await host.sh('echo 1 > /proc/sys/net/netfilter/nf_conntrack_acct')
    const { web, db } = await setUpNamed({ lab, host }, { web: ['-p', '8080:80'], db: [] })
    await web.serve.tcp(80)
    await outside.serve.udp(5353)
    expect(await outside.probe.tcp('198.51.100.1', 8080, { sourcePort: 40_000 })).toBe('reached')
    expect(await db.probe.udp('198.51.100.2', 5353, { sourcePort: 40_001, timeoutMs: 10_000 })).toBe(
      'reached',
    )

    const flows = await host.tsnetJson<FlowView[]>('conntrack', 'web')
    expect(flows).toHaveLength(1)
    expect(flows).toMatchObject([
      {
        protocol: 'tcp',
        from: { address: '198.51.100.2', port: 40_000 },
        to: { address: '10.89.0.2', port: 80, name: 'web' },
        via: { address: '198.51.100.1', port: 8080, name: 'host' },
      },
    ])
    expect(flows[0]?.sent?.packets).toBeGreaterThan(1)
    const [asked] = (await host.tsnetJson<FlowView[]>('conntrack', 'db')).filter(({ to }) => to.port === 5353)
    expect(asked).toMatchObject({
      protocol: 'udp',
      state: 'replied',
      from: { address: '10.89.0.3', port: 40_001, name: 'db' },
      to: { address: '198.51.100.2', port: 5353 },
      as: { address: '198.51.100.1', name: 'host' },
      sent: { packets: 1 },
      received: { packets: 1 },
    })
    const all = (await host.tsnet('conntrack')).stdout
    expect(all.split('\n').find((line) => line.includes('web:80'))).toMatch(
      /^tcp +\S+ +198\.51\.100\.2:40000 +web:80 +by 198\.51\.100\.1:8080 +\d+ B +\d+ B +\d+ \w+$/,
    )
    expect((await host.tsnet('conntrack', 'web', '-q')).stdout).toContain('198.51.100.2:40000 web:80\n')
  })

  it('says so where nothing is tracked, and where nobody is called that', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const box = await lab.container(host)
    await host.tsnet('setup', '--network', 'none', '--pid', String(box.pid), '--container-name', 'lone')
    expect((await host.tsnet('conntrack', 'lone')).stdout).toBe('no tracked connections\n')
    expect((await host.tsnet('conntrack', 'lone', '-q')).stdout).toBe('')
    const { stderr } = await host.tsnet('conntrack', 'alone', { expectExit: 3 })
    expect(stderr).toContain('did you mean "lone"?')
  })
})
