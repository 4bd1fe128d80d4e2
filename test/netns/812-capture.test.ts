/**
 * Packets of a container, without tcpdump and with it.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { PacketView } from '../../lib/index.ts'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { setUpNamed } from './named.ts'

needs('root', 'ip', 'nft', 'veth', 'bridge', 'ipv6', 'tcpdump', 'socat')

const tsnet = `${process.execPath} ${repository}dist/bin/tsnet`

async function yard(lab: Lab): Promise<{ readonly host: Host; readonly pid: number }> {
  const host = await lab.host('host')
  const { db } = await setUpNamed({ lab, host }, { web: [], db: [] })
  await host.sh('until [ -z "$(ip -6 addr show tentative)" ]; do sleep 0.05; done')
  return { host, pid: db.pid }
}

/** Sends what `line` sends, again and again, until the capture has what it counts to. */
function captureWhile(host: Host, capture: string, line: string) {
  const script = `
    ${tsnet} capture ${capture} & capture=$!
    while kill -0 $capture 2>/dev/null; do ${line} >/dev/null 2>&1 || true; done
    wait $capture
  `
  return host.sh(script, { timeoutMs: 90_000 })
}

describe('tsnet capture', () => {
  it('shows packets on lines a person can read, only those of the filter, with names', async () => {
    await using lab = await createLab()
    const { host, pid } = await yard(lab)
    const ping = `nsenter -t ${pid} -n ping -c1 -W1 10.89.0.2`
    // It may begin between a question and its answer.
    const { stdout } = await captureWhile(host, 'web -c 3 icmp and host db and not ip6', ping)
    const lines = stdout.split(/(?<=\n)/)
    const first = lines.findIndex((line) => line.includes(' in '))
    const shown = lines.slice(first, first + 2).join('')
    expect(shown.replaceAll(/^\S+/gm, 'TIME').replaceAll(/id \d+ seq \d+/g, 'id N seq N')).toBe(
      'TIME eth0 in  db > web icmp 98 echo request id N seq N\nTIME eth0 out web > db icmp 98 echo reply id N seq N\n',
    )
    const udp = `echo hello | nsenter -t ${pid} -n socat -u - UDP:10.89.0.2:7777`
    const told = await captureWhile(
      host,
      "web --json -c 1 'udp dst port 7777 or (tcp and portrange 1-2)'",
      udp,
    )
    const packet = JSON.parse(told.stdout) as PacketView
    expect(packet).toMatchObject({
      direction: 'in',
      interface: 'eth0',
      length: 48,
      protocol: 'udp',
      from: '10.89.0.3',
      to: '10.89.0.2',
      toPort: 7777,
      about: '6 bytes',
    })
    expect(Math.abs(Date.parse(packet.time) - Date.now())).toBeLessThan(60_000)
  })

  it('writes pcap files that tcpdump reads, and changes nothing', async () => {
    await using lab = await createLab()
    const { host, pid } = await yard(lab)
    const before = await snapshot(host)
    const ping = `nsenter -t ${pid} -n ping -c1 -W1 10.89.0.2`
    const wanted = 'src net 10.89.0.0/24 and dst host web and icmp'
    await captureWhile(host, `web -w /run/web.pcap -c 1 '${wanted}'`, ping)
    const file = await host.sh('tcpdump -nr /run/web.pcap 2>&1')
    expect(file.stdout).toMatch(/link-type EN10MB.*\n\S+ IP 10\.89\.0\.3 > 10\.89\.0\.2: ICMP echo request/)
    const piped = await captureWhile(host, `web -i any -w - -c 1 '${wanted}' | tcpdump -nr - 2>&1`, ping)
    expect(piped.stdout).toMatch(/link-type LINUX_SLL.*\n.*10\.89\.0\.3 > 10\.89\.0\.2: ICMP echo request/)
    await host.sh('rm /run/web.pcap')
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })

  it('waits for a reader that is slow, loses nothing by it, and ends in peace when the reader does', async () => {
    await using lab = await createLab()
    const { host, pid } = await yard(lab)
    const send = `head -c 50000 /dev/zero | nsenter -t ${pid} -n socat -u -b 1000 - UDP:10.89.0.2:7777`
    await host.sh('mkfifo /run/pipe')
    const reader = (line: string) => host.start(['sh', '-c', `exec </run/pipe; ${line}`])
    const slow = reader('sleep 1; exec cat >/run/slow.pcap')
    await captureWhile(host, 'web -c 300 -w - udp and host db and not ip6 >/run/pipe', send)
    await slow.exited
    const read = await host.sh('tcpdump -nr /run/slow.pcap')
    expect(read.stdout.trim().split('\n')).toHaveLength(300)
    expect(read.stderr).not.toContain('truncated')
    // Several times what a pipe holds.
    expect(Number((await host.sh('stat -c %s /run/slow.pcap')).stdout)).toBeGreaterThan(200_000)
    const early = reader('exec head -c 24 >/dev/null')
    const { exitCode, stderr } = await captureWhile(host, 'web -w - udp >/run/pipe', send)
    await early.exited
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  })

  it('says in one sentence what is wrong with a filter, a name, an interface or a limit', async () => {
    await using lab = await createLab()
    const { host } = await yard(lab)
    const told = async (...words: string[]): Promise<string> => {
      const { stdout, stderr, exitCode } = await host.tsnet('capture', ...words, { expectExit: 'any' })
      return `${stdout}${stderr.split('\n')[0]} (${exitCode})`
    }
    expect([
      await told('web', 'tcp prot 80'),
      await told('web', 'port http'),
      await told('web', '(tcp or udp'),
      await told('web', 'host nobody'),
      await told('web', 'tcp and'),
      await told('web', 'net 10.89.0.7/24'),
      await told('wep'),
      await told('web', '-i', 'eth9'),
      await told('web', '-c', 'many'),
      await told('web', '-w', '/no/such/folder/x.pcap'),
    ]).toEqual([
      'tsnet: reading the filter: "prot" is not expected here (2)',
      'tsnet: reading the filter: "http" is no port from 0 to 65535 (2)',
      'tsnet: reading the filter: a ) is missing (2)',
      'tsnet: reading the filter: "nobody" is no address and no container with one (2)',
      'tsnet: reading the filter: it ends where something should follow (2)',
      'tsnet: reading the filter: "10.89.0.7/24" is no prefix (2)',
      'tsnet: finding container wep: no container or network namespace is called that (3)',
      'tsnet: capturing packets of web: it has no interface eth9 (2)',
      'tsnet: --count: "many" is no whole number from 1 on (2)',
      "tsnet: /no/such/folder/x.pcap cannot be written: no such file or directory, open '/no/such/folder/x.pcap' (2)",
    ])
  })

  it('ends by Ctrl-C without complaint, and says so when the container has gone', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const box = await lab.container(host)
    await host.tsnet('setup', '--pid', String(box.pid), '--container-name', 'web', '--firewall', 'nftables')
    const started = 'until [ "$(stat -c %s /run/x.pcap 2>/dev/null || echo 0)" -ge 24 ]; do sleep 0.02; done'
    await host.sh(`${tsnet} capture web -w /run/x.pcap & ${started}; kill -INT $!; wait $!`)
    const running = host.start([...tsnet.split(' '), 'capture', 'web', '-w', '/run/y.pcap'])
    await host.sh(started.replace('x.pcap', 'y.pcap'))
    await box.kill()
    const exitCode = await running.exited
    expect({ exitCode, first: running.output().split('\n')[0] }).toEqual({
      exitCode: 3,
      first: 'tsnet: capturing packets of web: its network namespace is gone',
    })
  })
})
