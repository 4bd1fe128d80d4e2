/**
 * The life of the name server: when it starts and ends, what it may do, who
 * mends it, and that no change costs anybody a lookup.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { dig, layNameYard } from './nameyard.ts'
import { leavesNothing } from './traceless.ts'

needs('root', 'ip', 'veth', 'bridge', 'ipv6', 'built', 'dig', 'dnsmasq', 'dnsperf')

/** Pids of name servers that listen on this host. */
async function servers(host: Host): Promise<readonly string[]> {
  const { stdout } = await host.sh("ss -lntup 'sport = 53'")
  return [...new Set([...stdout.matchAll(/pid=(\d+)/g)].map(([, pid]) => pid as string))]
}

describe('the name server', () => {
  it('starts with the first container, keeps its sockets through all changes, and ends with the last', async () => {
    await using lab = await createLab()
    const { host, container } = await layNameYard(lab)
    await leavesNothing(host, async () => {
      await container('--id', 'one')
      const [pid, ...others] = await servers(host)
      expect(others).toEqual([])
      // By their inodes: a connection of the command that has just ended may not be closed yet, and is none of them.
      const sockets = async (): Promise<string> =>
        (await host.sh(`ss -lntuepH 'sport = 53' | grep -o 'pid=${pid}\\|ino:[0-9]*' | sort`)).stdout
      const open = await sockets()
      await container('--id', 'two')
      await host.tsnet('teardown', 'one')
      expect(await sockets()).toBe(open)
      const { stdout } = await host.sh(
        `grep -E '^(Uid|Gid|CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs):' /proc/${pid}/status; tr '\\0' '\\n' < /proc/${pid}/environ`,
      )
      expect(stdout.replaceAll('\t', ' ')).toMatch(
        /^Uid: (65530|0) .*\nGid: (65530|0) .*\nCapInh: 0000000000000400\nCapPrm: 0000000000000400\nCapEff: 0000000000000400\nCapBnd: 0000000000000400\nCapAmb: 0000000000000400\nNoNewPrivs: 1\nPATH=/,
      )
      await host.tsnet('teardown', 'two')
      expect(await servers(host)).toEqual([])
    })
  })

  it('is not started for networks without names, nor where the host wants none', async () => {
    await using lab = await createLab()
    const { host, container } = await layNameYard(lab)
    await host.tsnet('network', 'create', 'quiet', '-o', 'dns=false')
    expect(
      (await container('--network', 'quiet', '--id', 'a', '--dns', '192.0.2.53')).told.resolver.servers,
    ).toEqual(['192.0.2.53'])
    await host.sh('mkdir -p /etc/tsnet && echo \'{"dns": false}\' > /etc/tsnet/config.json')
    expect((await container('--id', 'b')).told.resolver.servers).toEqual([])
    expect(await servers(host)).toEqual([])
  })

  it.each(['udp', 'tcp'])(
    'that finds its %s port taken is a clear error, and setup rolls back',
    async (protocol) => {
      await using lab = await createLab()
      const { host } = await layNameYard(lab)
      const box = await lab.container(host)
      const socat = protocol === 'udp' ? 'UDP4-RECVFROM:53,fork' : 'TCP4-LISTEN:53,reuseaddr,fork'
      const holder = host.start(['socat', socat, 'SYSTEM:cat'])
      await host.sh("until ss -lntu 'sport = 53' | grep -q 0.0.0.0; do sleep 0.02; done")
      await leavesNothing(host, async () => {
        const { exitCode, stderr } = await host.tsnet('setup', '--netns', box.netns, { expectExit: 'any' })
        expect(`${exitCode} ${stderr.replace(/pid \d+/, 'pid N')}`).toMatchInlineSnapshot(`
          "4 tsnet: serving names on 10.89.0.1 port 53: socat (pid N) has that port
            field: dns
            value: 10.89.0.1:53
            hint: keep it off 10.89.0.1 (dnsmasq: bind-interfaces and except-interface), see ss -lnp 'sport = :53'; or take another port: network create -o dns-port=5300, or "dnsPort": 5300 in /etc/tsnet/config.json; or do without names: -o dns=false, or "dns": false
          "
        `)
      })
      await holder.stop()
      await host.tsnet('setup', '--netns', box.netns)
      expect(await dig(box, '@10.89.0.1', 'nosuch.tsnet')).toBe('NXDOMAIN')
    },
  )

  it('that was killed is filled again by the next change, or by gc, and check tells', async () => {
    await using lab = await createLab()
    const { host, container } = await layNameYard(lab)
    const { box, server } = await container('--container-name', 'one')
    const kill = async (): Promise<void> => {
      await host.sh(`kill -9 ${(await servers(host)).join(' ')}`)
      await host.sh("while ss -lnu 'sport = 53' | grep -q :53; do sleep 0.02; done")
    }
    await kill()
    await container('--container-name', 'two')
    for (const name of ['one', 'two']) expect(await dig(box, `@${server}`, name)).toMatch(/^NOERROR, A /)
    await kill()
    const found = await host.tsnetJson<unknown>('check', { expectExit: 5 })
    expect(found).toEqual([
      {
        kind: 'names',
        subject: 'names',
        what: 'the name server does not answer',
        hint: 'tsnet gc starts it again',
      },
    ])
    await host.tsnet('gc')
    for (const name of ['one', 'two']) expect(await dig(box, `@${server}`, name)).toMatch(/^NOERROR, A /)
    await kill()
    // Taking down needs no name server, and leaves none.
    await host.tsnet('teardown', 'one')
    await host.tsnet('teardown', 'two')
    expect(await servers(host)).toEqual([])
    expect((await host.sh('ls /run/tsnet 2>/dev/null', { expectExit: 'any' })).stdout).toBe('')
  })

  it('answers every lookup while containers start and stop', { timeout: 180_000 }, async () => {
    await using lab = await createLab()
    const { host, container } = await layNameYard(lab)
    const { box, server } = await container('--container-name', 'asker', '-p', '8080:80')
    await host.sh('printf "asker A\\nasker AAAA\\nasker.tsnet.internal A\\nnosuch.tsnet A\\n" > /run/names')
    const boxes = await Promise.all(Array.from({ length: 8 }, () => lab.container(host)))
    let done = false
    const lookups = Promise.all(
      ['udp', 'tcp'].map(async (mode) => {
        const words = [
          'dnsperf',
          '-m',
          mode,
          '-s',
          server,
          '-d',
          '/run/names',
          '-l',
          '12',
          '-Q',
          '2500',
          '-c',
          '10',
          // Until a question counts as lost: eight set-ups at a time have the processors.
          '-t',
          '20',
        ]
        const { stdout } = await box.run(words, { timeoutMs: 60_000 })
        return /Queries lost: +(\d+)/.exec(stdout)?.[1]
      }),
    ).finally(() => {
      done = true
    })
    const churn = boxes.map(async ({ netns }, i) => {
      while (!done) {
        await host.tsnet('setup', '--netns', netns, '--id', `c${i}`, '--container-name', `c${i}`, {
          timeoutMs: 30_000,
        })
        await host.tsnet('teardown', `c${i}`, { timeoutMs: 30_000 })
      }
    })
    expect(await lookups).toEqual(['0', '0'])
    await Promise.all(churn)
  })

  it('runs in several processes where that is wished, which all know every name', async () => {
    await using lab = await createLab()
    const { host, container } = await layNameYard(lab)
    await host.sh('mkdir -p /etc/tsnet && echo \'{"dnsWorkers": 3}\' > /etc/tsnet/config.json')
    const { box, server, told } = await container('--container-name', 'one')
    await container('--container-name', 'two')
    expect((await servers(host)).length).toBe(3)
    const { stdout } = await box.sh(`for i in $(seq 30); do dig +short @${server} two; done | sort | uniq -c`)
    expect(stdout.trim()).toMatch(/^30 10\.89\.0\.3$/)
    await host.tsnet('teardown', told.container.id)
    await host.tsnet('teardown', 'two')
    expect(await servers(host)).toEqual([])
  })
})
