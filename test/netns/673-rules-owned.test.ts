/**
 * With `"ownRules": true` the nftables table is tsnetd's own: nobody else can flush or delete it, not one request is lost
 * by those who try, commands without tsnetd have it change the table, and when it is killed everything is as ever.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import type { Background } from '../../netns-fixtures/process.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { startRulesAgent } from './agents/rules-client.ts'
import { figure } from './chaos.ts'
import { callDriver } from './dockerdriver.ts'
import { type Life, openDoors } from './doors.ts'
import { deletes, nftWays, olderNft, program, until, type Way, type Yard, yard } from './rulesyard.ts'

needs('root', 'ip', 'nft', 'veth', 'bridge', 'ipv6', 'curl', 'firewalld', 'socat', 'built')

const local = { env: { TSNET_VIA: 'local', TSNET_FIREWALL: 'nftables' } }
/** After what was done, or while it is: as many as a gap of some hundredths of a second has. */
const enough = 300

async function own(host: Host): Promise<void> {
  await host.sh(
    'mkdir -p /etc/tsnet; echo \'{"firewall":"nftables","ownRules":true}\' > /etc/tsnet/config.json',
  )
}

async function startOwner(host: Host, ...flags: readonly string[]): Promise<Background> {
  const daemon = host.start([process.execPath, program, 'daemon', 'run', ...flags])
  await daemon.waitFor('"listening"')
  return daemon
}

/** Of our table, as nft has them: 1.0.6 has no word for `persist`. */
async function tables(host: Host): Promise<readonly string[]> {
  const { stdout } = await host.sh('nft -j list tables')
  const { nftables } = JSON.parse(stdout) as {
    nftables: { table?: { name: string; flags?: readonly string[] | string } }[]
  }
  return nftables.flatMap(({ table }) => {
    if (table === undefined) return []
    const { name, flags = [] } = table
    // A single flag is read after it was freed, by 1.0.6: any word.
    return [[name, ...(typeof flags === 'string' ? ['left'] : flags)].join(' ')]
  })
}

const owned = ['tsnet owner unknown']
const left = ['tsnet left']

/** What becomes of requests while something is done and some hundred more are asked. */
async function during({ figures }: Yard, what: string, work: () => Promise<unknown>): Promise<number> {
  await figures()
  await work()
  let [asked, failed] = [0, 0]
  await until('requests', figures, (now) => {
    asked += now.asked
    failed += now.failed
    return asked >= enough
  })
  const told = `673 owned, ${what}: ${failed} of ${asked} failed`
  console.log(told)
  figure(told)
  return failed
}

describe('a thousand requests a second through a published port of the owned table', () => {
  it('are all answered, whoever tries to take it away', { timeout: 240_000 }, async () => {
    await using lab = await createLab()
    const all = await yard(lab, 'nftables', { ownRules: true, limitMs: 10_000 })
    const { host, daemon } = all
    const ways: readonly Way[] = [
      ...nftWays,
      // Refused as a whole, since it has our table in it.
      { ...olderNft, line: '! nft -f /run/older.nft 2>/dev/null' },
      { ...deletes('inet tsnet'), line: '! nft delete table inet tsnet 2>/dev/null' },
      { what: 'nft flush table inet tsnet', line: '! nft flush table inet tsnet 2>/dev/null' },
    ]
    const before = await snapshot(host)
    for (const { what, line } of ways) {
      expect([what, await during(all, what, () => host.sh(line))]).toEqual([what, 0])
      await host.sh('nft delete table inet filter 2>/dev/null || true')
      expect(snapshotDifference(before, await snapshot(host))).toEqual([])
    }
    expect(daemon.output()).not.toContain('"packet rules put back"')
  })

  it('are all answered while a plain table becomes owned, and while its owner changes', async () => {
    await using lab = await createLab()
    const all = await yard(lab, 'nftables', { limitMs: 10_000 })
    const { host, daemon } = all
    await host.sh('nft add rule inet tsnet TSNET-USER ip saddr 192.0.2.1 counter drop comment \\"mine\\"')
    const before = await snapshot(host)
    await own(host)
    let current = daemon
    const restart = async (): Promise<void> => {
      expect(await current.stop()).toBe(0)
      current = await startOwner(host)
      await current.waitFor('"packet rules are owned"')
    }
    expect(await tables(host)).toEqual(['tsnet'])
    expect(await during(all, 'taken over from a plain table', restart)).toBe(0)
    expect(await tables(host)).toEqual(owned)
    expect(current.output()).toContain('"before":"plain"')
    expect((await host.tsnet('check')).stdout).toContain('ok')
    expect((await host.sh('nft list chain inet tsnet TSNET-USER')).stdout).toContain(
      '192.0.2.1 counter packets 0',
    )
    expect(await during(all, 'tsnetd started anew', restart)).toBe(0)
    expect(current.output()).toContain('"before":"plain"')
    expect(await tables(host)).toEqual(owned)
    expect(await current.stop()).toBe(0)
    expect(await tables(host)).toEqual(['tsnet'])
    expect(snapshotDifference(before, await snapshot(host), { except: [/^files: /] })).toEqual([])
  })
})

describe('commands beside the owner', () => {
  it('get an answer to whatever they say, and nonsense ends nobody', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    await own(host)
    const daemon = await startOwner(host)
    await daemon.waitFor('"packet rules are owned"')
    // Whoever closes his half has gone, and gets none: `ignoreeof` keeps it open.
    const { stdout } = await host.sh(
      'echo nonsense | socat -t1 STDIO,ignoreeof UNIX-CONNECT:$(ls /run/tsnet/nft-*.sock)',
    )
    expect(JSON.parse(stdout)).toEqual({
      ok: false,
      output: '',
      failures: [],
      errors: expect.stringMatching(/^SyntaxError: /),
    })
    expect(await daemon.stop()).toBe(0)
  })

  it('have it change the table, and do so themselves when it was killed', async () => {
    await using lab = await createLab()
    const host = await lab.host('host', { forwarding: true })
    await own(host)
    const before = await snapshot(host)
    const daemon = await startOwner(host)
    const [web, db] = [await lab.container(host), await lab.container(host)]
    const ports = ['-p', '8081:80', '-p', '7000-7009:7000-7009/udp']
    const setup = (box: typeof web, id: string, ...flags: readonly string[]) =>
      host.tsnet('setup', '--netns', box.netns, '--id', id, ...flags, local)
    await setup(web, 'web', '-p', '8080:80')
    expect(await tables(host)).toEqual(owned)
    await setup(db, 'db', ...ports)
    expect((await host.tsnet('check', local)).stdout).toContain('ok')
    await host.tsnet('teardown', 'db', local)
    await host.tsnet('teardown', 'web', local)
    // Made by tsnetd's own, changed by another, and gone with the last.
    expect(await tables(host)).toEqual([])
    await host.tsnet('setup', '--netns', web.netns, '--id', 'web', '-p', '8080:80')
    await setup(db, 'db', ...ports)
    process.kill(daemon.pid, 'SIGKILL')
    await daemon.exited
    expect(await tables(host)).toEqual(left)
    await host.tsnet('teardown', 'db', local)
    await setup(db, 'db', ...ports)
    expect((await host.tsnet('check', local)).stdout).toContain('ok')
    const adopter = await startOwner(host)
    await adopter.waitFor('"packet rules are owned","before":"left"')
    expect(await tables(host)).toEqual(owned)
    process.kill(adopter.pid, 'SIGKILL')
    await adopter.exited
    await host.sh('nft flush ruleset')
    await host.tsnet('firewall', 'reload', local)
    expect(await tables(host)).toEqual(['tsnet'])
    const again = await startOwner(host)
    await again.waitFor('"packet rules are owned"')
    expect(await tables(host)).toEqual(owned)
    await host.tsnet('teardown', 'web', local)
    expect(await again.stop()).toBe(0)
    expect(await tables(host)).toEqual(['tsnet'])
    await host.tsnet('teardown', 'db', local)
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })

  it('get the kernel’s word about their own part, and only one of two tsnetds is the owner', async () => {
    await using lab = await createLab()
    const host = await lab.host('host', { forwarding: true })
    await own(host)
    const before = await snapshot(host)
    const first = await startOwner(host)
    const second = await startOwner(host, '--state-dir', '/run/second')
    const box = await lab.container(host)
    const env = { TSNET_FIREWALL: 'nftables' }
    const elsewhere = ['--state-dir', '/run/second']
    await host.tsnet('setup', '--netns', box.netns, '--id', 'web', '-p', '8080:80', ...elsewhere, { env })
    expect(await tables(host)).toEqual(owned)
    const rules = startRulesAgent(host)
    expect(
      await rules.errorOf('runNft', 'add chain inet tsnet x\nadd rule inet tsnet y counter\n'),
    ).toMatchObject({
      code: 'TSNET_PROGRAM_FAILED',
      message:
        'applying nftables rules: line 2: could not process rule: No such file or directory: add rule inet tsnet y counter',
    })
    expect((await host.sh('nft list chain inet tsnet x', { expectExit: 1 })).stderr).toContain('No such file')
    await rules.call('revertNft', 'delete chain inet tsnet x\n')
    expect(await first.stop()).toBe(0)
    await second.waitFor('"packet rules are owned"')
    expect(await tables(host)).toEqual(owned)
    await host.tsnet('teardown', 'web', ...elsewhere, { env })
    expect(await second.stop()).toBe(0)
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })
})

interface Attached {
  readonly box: Container
  readonly port: number
  readonly detach: () => Promise<unknown>
}

/** As runc and crun call it. */
async function byHook(host: Host, box: Container, port: number): Promise<Attached> {
  await host.sh(
    `mkdir -p /run/bundle/rootfs/etc; echo '{"root":{"path":"rootfs"},"hostname":"box"}' > /run/bundle/config.json`,
  )
  const call = (word: string, status: object) =>
    host.run([`${repository}dist/hooks/tsnet-hook`, word], {
      stdin: JSON.stringify({
        ...{ ociVersion: '1.0.2', id: 'hooked', bundle: '/run/bundle', ...status },
        annotations: { 'net.tsnet.publish': `${port}:80` },
      }),
    })
  await call('createRuntime', { status: 'creating', pid: box.pid })
  return { box, port, detach: () => call('poststop', { status: 'stopped', pid: 0 }) }
}

/** As dockerd calls it. */
async function byDocker(host: Host, box: Container, port: number): Promise<Attached> {
  const call = (method: string, body: object) => callDriver(host, `NetworkDriver.${method}`, body)
  const [NetworkID, EndpointID] = ['ab'.repeat(32), 'cd'.repeat(32)]
  const IPv4Data = [{ AddressSpace: '', Pool: '10.70.0.0/24', Gateway: '10.70.0.1/24' }]
  await call('CreateNetwork', { NetworkID, Options: {}, IPv4Data, IPv6Data: [] })
  const Interface = { Address: '10.70.0.2/24', MacAddress: '' }
  await call('CreateEndpoint', { NetworkID, EndpointID, Interface, Options: {} })
  const { InterfaceName } = await call('Join', { NetworkID, EndpointID, SandboxKey: box.netns, Options: {} })
  const { SrcName } = InterfaceName as { readonly SrcName: string }
  await host.run(['ip', 'link', 'set', SrcName, 'netns', String(box.pid), 'name', 'eth0'])
  await box.sh('ip addr add 10.70.0.2/24 dev eth0; ip link set eth0 up; ip route add default via 10.70.0.1')
  const ports = [{ Proto: 6, IP: '', Port: 80, HostIP: '', HostPort: port, HostPortEnd: port }]
  const Options = { 'com.docker.network.portmap': ports }
  await call('ProgramExternalConnectivity', { NetworkID, EndpointID, Options })
  return {
    ...{ box, port },
    detach: async () => {
      await call('RevokeExternalConnectivity', { NetworkID, EndpointID })
      await call('Leave', { NetworkID, EndpointID })
      await call('DeleteEndpoint', { NetworkID, EndpointID })
      await call('DeleteNetwork', { NetworkID })
    },
  }
}

describe('every door beside the owner', () => {
  it('attaches, keeps the table through a reload of firewalld and a flush, and detaches', {
    timeout: 300_000,
  }, async () => {
    await using lab = await createLab()
    const [host, far] = [await lab.host('host', { forwarding: true }), await lab.host('far')]
    await lab.wire(host, far, '198.51.100.0/24', { defaultRoute: 'first' })
    await own(host)
    await host.sh('mkdir -p /run/dbus && dbus-daemon --system --fork')
    host.start(['firewalld', '--nofork', '--nopid'])
    const up = 'until firewall-cmd --state 2>/dev/null; do sleep 0.5; done'
    await host.run(['sh', '-c', up], { timeoutMs: 90_000 })
    const daemon = await startOwner(host, '--docker-socket', '/run/docker/plugins/tsnet.sock')
    const before = await snapshot(host)
    // By itself, also without the library's program that starts: dockerd gives a driver less than a second.
    const docker = await byDocker(host, await lab.container(host), 8079)
    const doors = openDoors(host)
    const calls = Object.values(doors).map((door, seat) => async (box: Container, port: number) => {
      const life: Life = { id: `door${seat}`, box, seat, port, firewall: 'nftables' }
      await door.setUp(life)
      return { box, port, detach: () => door.tearDown(life) }
    })
    const others: Attached[] = await Promise.all(
      [...calls, (box: Container, port: number) => byHook(host, box, port)].map(async (attach, nth) =>
        attach(await lab.container(host), 8080 + nth),
      ),
    )
    const attached = [docker, ...others]
    await Promise.all(attached.map(({ box }) => box.serve.tcp(80)))
    const reached = () => Promise.all(attached.map(({ port }) => far.probe.tcp('198.51.100.1', port)))
    const table = async () => (await host.sh('nft -s list table inet tsnet')).stdout
    const everybody = attached.map(() => 'reached')
    const asItWas = await table()
    expect([asItWas.match(/flags owner/g), await reached()]).toEqual([['flags owner'], everybody])
    await host.sh('firewall-cmd --reload', { timeoutMs: 90_000 })
    await until(
      'check finds nothing',
      () => host.tsnet('check', { expectExit: 'any' }),
      ({ exitCode }) => exitCode === 0,
    )
    expect(await reached()).toEqual(everybody)
    expect(await table()).toBe(asItWas)
    // It takes firewalld's table, which firewalld cannot reload after that.
    await host.sh('nft flush ruleset')
    expect([await table(), await reached()]).toEqual([asItWas, everybody])
    await Promise.all(others.map(({ detach }) => detach()))
    await docker.detach()
    // Docker is answered within a second: what a busy machine has not removed by then is removed later.
    const remains = async () =>
      snapshotDifference(before, await snapshot(host), { except: [/inet firewalld/] })
    await expect.poll(remains, { timeout: 60_000 }).toEqual([])
    expect(await daemon.stop()).toBe(0)
  })
})
