/**
 * SIGKILL for whoever tells of names and for whoever answers: afterwards a name
 * is there or it is not, and all others are.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { dig, layNameYard } from './nameyard.ts'
import { leavesNothing } from './traceless.ts'

needs('root', 'ip', 'nft', 'veth', 'bridge', 'ipv6', 'built', 'dig', 'dnsmasq')

const program = `${repository}dist/bin/tsnet`
const killServer = "kill -9 $(ss -lnupH 'sport = 53' | sed -n 's/.*pid=\\([0-9]*\\).*/\\1/p' | sort -u)"
const serverGone = "while ss -lnuH 'sport = 53' | grep -q :53; do sleep 0.02; done"

/** Sets up `web` and runs that command just before its record is written. */
async function setUpWith(host: Host, box: Container, command: string): Promise<number> {
  const request = JSON.stringify({ sandbox: box.netns, container: { id: 'web', name: 'web' } })
  const { exitCode } = await host.node('test/netns/agents/atcommit.ts', request, command, {
    expectExit: 'any',
    timeoutMs: 100_000,
  })
  return exitCode
}

describe('a set-up that is killed after its names were told', () => {
  it('loses them to the next command, and gets them when it is repeated', async () => {
    await using lab = await createLab()
    const { host, container } = await layNameYard(lab)
    const web = await lab.container(host)
    await leavesNothing(host, async () => {
      const { box, server } = await container('--container-name', 'asker', '--firewall', 'nftables')
      expect(await setUpWith(host, web, 'kill -9 $PPID')).toBe(137)
      expect(await dig(box, `@${server}`, 'web')).toBe('NOERROR, A 10.89.0.3')
      await host.tsnet('gc')
      expect(await dig(box, `@${server}`, 'web')).toBe('NXDOMAIN')
      expect(await setUpWith(host, web, 'kill -9 $PPID')).toBe(137)
      await host.tsnet('setup', '--netns', web.netns, '--id', 'web', '--firewall', 'nftables')
      expect(await dig(box, `@${server}`, 'web')).toMatch(/^NOERROR, A 10\.89\.0\./)
      expect(await dig(box, `@${server}`, 'asker')).toBe('NOERROR, A 10.89.0.2')
      await host.tsnet('teardown', 'web')
      await host.tsnet('teardown', 'asker')
    })
  })
})

describe('a name server that is killed', () => {
  it('between being told of a container and its record, and started by another, knows both', async () => {
    await using lab = await createLab()
    const { host, container } = await layNameYard(lab)
    const { box, server } = await container('--container-name', 'asker', '--firewall', 'nftables')
    const [web, other] = [await lab.container(host), await lab.container(host)]
    const setUpOther = `${process.execPath} ${program} setup --netns ${other.netns} --container-name other --firewall nftables`
    expect(await setUpWith(host, web, `${killServer}; ${serverGone}; ${setUpOther}`)).toBe(0)
    for (const name of ['asker', 'other', 'web'])
      expect([name, await dig(box, `@${server}`, name)]).toEqual([
        name,
        expect.stringMatching(/^NOERROR, A /),
      ])
  })

  it('is started again by a teardown as well, for those who stay', async () => {
    await using lab = await createLab()
    const { host, container } = await layNameYard(lab)
    const { box, server } = await container('--container-name', 'asker')
    await container('--container-name', 'web')
    await host.sh(`${killServer}; ${serverGone}`)
    await host.tsnet('teardown', 'web')
    expect(await dig(box, `@${server}`, 'asker')).toBe('NOERROR, A 10.89.0.2')
    expect(await dig(box, `@${server}`, 'web')).toBe('NXDOMAIN')
    await host.sh(`${killServer}; ${serverGone}`)
    await host.tsnet('teardown', 'asker')
    expect((await host.sh("ss -lnuH 'sport = 53'; ls /run/tsnet", { expectExit: 'any' })).stdout).toBe('')
  })

  it('is started again by tsnetd, where one runs, without any command', async () => {
    await using lab = await createLab()
    const { host, container } = await layNameYard(lab)
    const daemon = host.start([process.execPath, program, 'daemon', 'run'])
    await daemon.waitFor('"listening"')
    const { box, server } = await container('--container-name', 'asker')
    for (let i = 0; i < 2; i++) {
      // Another one listens soon: only the killed one is waited for.
      await host.sh(`server='ss -lnupH sport = 53'
        pid=$($server | sed -n 's/.*pid=\\([0-9]*\\).*/\\1/p' | sort -u); kill -9 $pid
        while $server | grep -q "pid=$pid,"; do sleep 0.02; done`)
      await box.sh(
        `until dig +time=1 +tries=1 +short @${server} asker | grep -q 10.89.0.2; do sleep 0.05; done`,
        { timeoutMs: 30_000 },
      )
    }
    await daemon.waitFor(/(name server started again[\s\S]*){2}/)
    expect(daemon.output().match(/name server started again/g)?.length).toBe(2)
    // It does not go with who started it.
    await daemon.stop()
    expect(await dig(box, `@${server}`, 'asker')).toBe('NOERROR, A 10.89.0.2')
    await host.tsnet('teardown', 'asker')
    await host.sh(`until [ -z "$(ss -lnuH 'sport = 53')" ]; do sleep 0.02; done`)
    expect((await host.sh('ls /run/tsnet', { expectExit: 'any' })).stdout).not.toContain('dns')
  })
})
