/**
 * What one attach asks of the kernel does not grow with what is there: no dumps
 * of links, addresses or rules, no programs, whatever the host carries already.
 *
 * Counted are netlink messages, the bytes of the answers (a list is longer the
 * more there is) and programs that are started.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { tsnetWords } from './strace.ts'

needs('root', 'ip', 'nft', 'iptables-nft', 'veth', 'bridge', 'built', 'strace', 'dig')

const traceFile = '/run/trace'
const alone = { env: { TSNET_VIA: 'local' }, timeoutMs: 60_000 }

interface Asked {
  /** Calls of rtnetlink and nfnetlink. */
  readonly sent: number
  /** Bytes of their answers. */
  readonly received: number
  /** Lists of everything there is, whatever of. */
  readonly dumps: readonly string[]
  readonly programs: readonly string[]
}

/** What the command asks of the kernel; what programs ask that it starts is theirs. */
async function asked(host: Host, words: readonly string[]): Promise<Asked> {
  const calls = 'sendto,sendmsg,recvfrom,recvmsg,execve'
  // A file for each thread, so that no call is told in two lines.
  const tracer = ['strace', '-ff', '-qq', '-o', traceFile, '-e', `trace=${calls}`]
  await host.run([...tracer, ...tsnetWords, ...words], alone)
  const { stdout } = await host.sh(`for f in ${traceFile}.*; do echo "== $f"; cat $f; rm $f; done`)
  const threads = stdout.split(/^== .*\n/m).map((text) => ({
    // Of netlink; that there is nothing left to read is no message.
    lines: text.split('\n').filter((line) => line.includes('nlmsg_len=')),
    program: /^execve\("([^"]+)".* = 0$/m.exec(text)?.[1],
  }))
  const ours = threads
    .filter(({ program = process.execPath }) => program === process.execPath)
    .flatMap(({ lines }) => lines)
  const bytes = (line: string): number => Number(/ = (\d+)$/.exec(line)?.[1] ?? 0)
  return {
    sent: ours.filter((line) => /^send(to|msg)\(/.test(line)).length,
    received: ours
      .filter((line) => /^recv(from|msg)\(/.test(line))
      .reduce((sum, line) => sum + bytes(line), 0),
    dumps: ours
      .filter((line) => /^send(to|msg)\(.*NLM_F_DUMP/.test(line))
      .flatMap((line) => /nlmsg_type=([^,]+),/.exec(line)?.[1] ?? line),
    programs: threads.flatMap(({ program }) => program ?? []).sort(),
  }
}

describe.each(['nftables', 'iptables'])('with %s', (firewall) => {
  it('a set-up and a teardown ask the same beside fifteen containers and 141 ports as beside one', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const options = ['--subnet', '10.66.0.0/24', '--ipv6', '-o', 'dns=false']
    await host.tsnet('network', 'create', 'n', ...options)
    const [first, probe] = [await lab.container(host), await lab.container(host)]
    const setup = (netns: string, ...words: readonly string[]): readonly string[] => [
      'setup',
      '--netns',
      netns,
      '--network',
      'n',
      '--firewall',
      firewall,
      ...words,
    ]
    const there = async () => ({
      up: await asked(host, setup(probe.netns, '-p', '8080:80')),
      down: await asked(host, ['teardown', '--netns', probe.netns]),
    })
    await host.tsnet(...setup(first.netns, '-p', '9000:80'), alone)
    const beside1 = await there()
    expect(beside1.up.sent).toBeGreaterThan(0)
    const boxes = await Promise.all(Array.from({ length: 14 }, () => lab.container(host)))
    await Promise.all(
      boxes.map((box, i) => {
        const ports = Array.from({ length: 10 }, (_, n) => ['-p', `${9100 + i * 10 + n}:${n + 1}`])
        return host.tsnet(...setup(box.netns, ...ports.flat()), alone)
      }),
    )
    expect(await there()).toEqual(beside1)
  })

  it('nothing is dumped, and two hundred links, addresses and routes of others change nothing', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const options = ['--subnet', '10.66.0.0/24', '--ipv6', '-o', 'dns=false', '--firewall', firewall]
    await host.tsnet('network', 'create', 'n', ...options)
    const [first, probe] = [await lab.container(host), await lab.container(host)]
    const onNetwork = ['--network', 'n', '--firewall', firewall]
    const there = async () => ({
      up: await asked(host, ['setup', '--netns', probe.netns, ...onNetwork, '-p', '8080:80']),
      down: await asked(host, ['teardown', '--netns', probe.netns]),
    })
    await host.tsnet('setup', '--netns', first.netns, ...onNetwork, alone)
    const before = await there()
    expect([...before.up.dumps, ...before.down.dumps]).toEqual([])
    const others = Array.from({ length: 200 }, (_, n) => [
      `link add other${n} type bridge`,
      `addr add 10.200.${n}.1/24 dev other${n}`,
      `link set other${n} up`,
      `route add 10.201.${n}.0/24 via 10.200.${n}.9 onlink dev other${n}`,
    ])
    await host.run(['ip', '-batch', '-'], { stdin: `${others.flat().join('\n')}\n`, timeoutMs: 30_000 })
    expect(await there()).toEqual(before)
  })
})

/** Files of tsnet that a command opens, and what it tells the name server. */
async function openedAndTold(
  host: Host,
  words: readonly string[],
): Promise<{ readonly opened: readonly string[]; readonly told: readonly string[] }> {
  const calls = 'openat,write,writev,sendto,sendmsg'
  const tracer = ['strace', '-f', '-qq', '-s', '65536', '-o', traceFile, '-e', `trace=${calls}`]
  await host.run([...tracer, ...tsnetWords, ...words], alone)
  const { stdout } = await host.sh(`cat ${traceFile}; rm ${traceFile}`)
  const lines = stdout.split('\n')
  return {
    opened: lines
      .flatMap((line) => / openat\(AT_FDCWD, "(\/(?:run|var\/lib)\/tsnet[^"]*)"/.exec(line)?.[1] ?? [])
      // Temporary names have a pid in them, and the next container gets the next address.
      .map((path) => path.replace(/\d+(\.\d+){3}$/, 'ADDRESS').replaceAll(/\d{2,}/g, 'N'))
      .sort(),
    // Up to the end of the text: how the call ended is told in a line of its own where another thread calls meanwhile.
    told: lines.flatMap((line) => /\\"op\\":\\"(?:put|drop)\\"(?:\\.|[^"\\])*/.exec(line)?.[0] ?? []),
  }
}

describe('names of a container', () => {
  it('reach the name server without a look at the two hundred other networks there are', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    await host.tsnet('network', 'create', 'n', '--subnet', '10.66.0.0/24', '--firewall', 'nftables')
    const [first, probe] = [await lab.container(host), await lab.container(host)]
    const setup = (netns: string, id: string): readonly string[] =>
      ['setup', '--netns', netns, '--network', 'n', '--id', id].concat(['--container-name', id])
    await host.tsnet(...setup(first.netns, 'first'), alone)
    const { stdout } = await host.sh("ss -lnupH 'sport = 53'")
    const pid = /pid=(\d+)/.exec(stdout)?.[1] ?? ''
    const there = async () => {
      const server = host.start(['strace', '-f', '-o', '/run/server', '-e', 'trace=openat', '-p', pid])
      await server.waitFor('attached')
      const up = await openedAndTold(host, setup(probe.netns, 'probe'))
      const found = await probe.run(['dig', '+short', '@10.66.0.1', 'probe'])
      const down = await openedAndTold(host, ['teardown', 'probe'])
      await server.stop()
      const { stdout: read } = await host.sh('cat /run/server; rm /run/server')
      return {
        up,
        down,
        found: found.stdout,
        read: read.split('\n').filter((line) => line.includes('openat(')),
      }
    }
    const alone1 = await there()
    expect(alone1).toMatchObject({ found: '10.66.0.3\n', read: [] })
    expect([alone1.up.told.length, alone1.down.told.length]).toEqual([1, 1])
    const file = '/var/lib/tsnet/networks/n.json'
    const definition = (await host.sh(`cat ${file}`)).stdout
    expect(alone1.up.opened).toContain(file)
    const others = Array.from({ length: 200 }, (_, n) => {
      const text = definition
        .replaceAll('"n"', `"other${n}"`)
        .replaceAll('10.66.0.', `10.67.${n}.`)
        .replace(/"bridge": ?"[^"]*"/, `"bridge":"other${n}"`)
      return `cat > /var/lib/tsnet/networks/other${n}.json <<'END'\n${text}\nEND\n`
    })
    await host.run(['sh'], { stdin: others.join('') })
    expect((await host.tsnetJson<readonly unknown[]>('network', 'ls')).length).toBe(201)
    expect(await there()).toEqual({
      ...alone1,
      found: '10.66.0.4\n',
      up: { ...alone1.up, told: alone1.up.told.map((text) => text.replaceAll('10.66.0.3', '10.66.0.4')) },
    })
  })
})
