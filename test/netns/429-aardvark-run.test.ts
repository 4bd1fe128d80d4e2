/**
 * `aardvark-dns run`: our name server answering from a folder that others write,
 * beside Debian's; under Debian's netavark; and told by ours.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { dig, startDnsmasq } from './nameyard.ts'
import { type Joined, netavark, older } from './netavarkcalls.ts'
import { debians, ours } from './netavarks.ts'

needs('root', 'ip', 'iptables', 'veth', 'bridge', 'ipv6', 'dig', 'dnsmasq', 'socat', 'netavark')
needs('aardvark', 'built')

const folder = '/run/names'
const files: Readonly<Record<string, string>> = {
  front: '10.72.0.1\nc1 10.72.0.2 fd72::2 web,www,c1\nbbbb 10.72.0.3  both\ncccc 10.72.0.4  twice\n',
  // With a server of its own for one container, and of the network.
  back: '10.72.1.1 198.51.100.2\nbbbb 10.72.1.3  both\ndddd 10.72.1.4  hidden 198.51.100.2\ncccc 10.72.1.5  twice\n',
}

/** A machine with all these addresses, and a name server beyond it that knows www.example.test. */
async function layFolder(lab: Lab): Promise<Host> {
  const host = await lab.host('host')
  const far = await lab.host('far')
  await lab.wire(host, far, '198.51.100.0/24')
  await startDnsmasq(far, '198.51.100.2', ['--host-record=www.example.test,192.0.2.80', '--address=/#/'])
  const own = ['0.1', '0.2', '0.3', '1.1', '1.4', '2.1', '2.2', '3.1'].map(
    (end) => `ip addr add 10.72.${end}/32 dev lo`,
  )
  await host.sh(
    `ip link set lo up; ${own.join('; ')}; printf 'nameserver 198.51.100.2\\n' > /etc/resolv.conf; mkdir ${folder}`,
  )
  return host
}

async function write(host: Host, all: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(all)) await host.sh(`printf '${text}' > '${folder}/${name}'`)
}

const run = (program: string): string => `${program}/aardvark-dns --config ${folder} -p 53 run </dev/null`
const pidOf = `$(cat ${folder}/aardvark.pid)`
/** Waits until the answer is that one: a reload has no other end that can be seen. */
const until = (answer: string, words: string): string =>
  `until [ "$(dig +short +time=1 +tries=1 ${words})" = "${answer}" ]; do sleep 0.02; done`

/** The asker's address, the question; and what is answered. */
const questions: readonly (readonly [from: string, words: string, answer: string])[] = [
  ['10.72.0.2', '@10.72.0.1 web', 'NOERROR, A 10.72.0.2'],
  ['10.72.0.2', '@10.72.0.1 web.dns.podman', 'NOERROR, A 10.72.0.2'],
  ['10.72.0.2', '@10.72.0.1 www', 'NOERROR, A 10.72.0.2'],
  ['10.72.0.2', '@10.72.0.1 c1', 'NOERROR, A 10.72.0.2'],
  ['10.72.0.2', '@10.72.0.1 web AAAA', 'NOERROR, AAAA fd72::2'],
  ['10.72.0.2', '@10.72.0.1 both AAAA', 'NOERROR'],
  ['10.72.0.2', '@10.72.0.1 hidden.dns.podman', 'NXDOMAIN'],
  ['10.72.0.2', '@10.72.0.1 nobody.dns.podman', 'NXDOMAIN'],
  ['10.72.0.2', '@10.72.0.1 www.example.test', 'NOERROR, A 192.0.2.80'],
  ['10.72.1.4', '@10.72.1.1 both', 'NOERROR, A 10.72.1.3'],
  ['10.72.1.4', '@10.72.1.1 www.example.test', 'NOERROR, A 192.0.2.80'],
]

async function answers(host: Host): Promise<readonly string[]> {
  const all: string[] = []
  for (const [from, words] of questions) all.push(await dig(host, '-b', from, ...words.split(' ')))
  return all
}

/** Sockets at port 53, by their inode: those of a network that stays are never opened anew. */
const socketsAt = (address: string): string =>
  `awk -v at="$(printf '%s' ${address} | awk -F. '{printf "%02X%02X%02X%02X:0035", $4, $3, $2, $1}')" '$2 == at {print $10}' /proc/net/udp /proc/net/tcp`

describe('aardvark-dns run', () => {
  it.each([
    ['Debian’s', debians],
    ['ours', ours],
  ])('%s answers from a folder what the table says', async (_whose, program) => {
    await using lab = await createLab()
    const host = await layFolder(lab)
    await write(host, files)
    await host.sh(run(program))
    // Debian's has not begun to listen when its first process ends; ours has.
    if (program === debians)
      await host.sh('until [ "$(ss -lnuH sport = 53 | wc -l)" = 2 ]; do sleep 0.02; done')
    expect(await answers(host)).toEqual(questions.map(([, , answer]) => answer))
    await host.sh(`kill -9 ${pidOf}`)
  })

  it('sees names of all networks of the asker at every gateway, and asks nobody for an internal one', async () => {
    await using lab = await createLab()
    const host = await layFolder(lab)
    await write(host, { ...files, 'closed%int': '10.72.2.1\neeee 10.72.2.2  INSIDE\n' })
    await host.sh(run(ours))
    expect(await dig(host, '-b', '10.72.0.3', '@10.72.0.1', 'hidden')).toBe('NOERROR, A 10.72.1.4')
    expect(await dig(host, '-b', '10.72.2.2', '@10.72.2.1', 'inside')).toBe('NOERROR, A 10.72.2.2')
    expect(await dig(host, '-b', '10.72.2.2', '@10.72.2.1', 'www.example.test')).toBe('NXDOMAIN')
    expect(await dig(host, '-b', '10.72.0.2', '@10.72.0.1', '-x', '10.72.0.3')).toBe(
      'NOERROR, PTR both.front.',
    )
    expect(await dig(host, '-b', '10.72.0.2', '@10.72.0.1', '+tcp', 'wEb')).toBe('NOERROR, A 10.72.0.2')
    await host.sh(
      `kill ${pidOf}; until [ ! -e ${folder}/aardvark.pid ] && [ -z "$(ss -lntuH sport = 53)" ]; do sleep 0.02; done`,
    )
    await host.sh(`AARDVARK_NO_PROXY=1 ${run(ours)}`)
    expect(await dig(host, '-b', '10.72.0.2', '@10.72.0.1', 'www.example.test')).toBe('NXDOMAIN')
  })

  it('follows the folder at SIGHUP, keeps sockets that stay, and goes when it is empty', async () => {
    await using lab = await createLab()
    const host = await layFolder(lab)
    const before = await snapshot(host)
    // Nothing to answer: no server, and no error.
    await host.sh(run(ours))
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
    await write(host, { front: files['front'] as string })
    await host.sh(run(ours))
    const pid = (await host.sh(`cat ${folder}/aardvark.pid; cat /proc/${pidOf}/comm`)).stdout
    expect(pid).toMatch(/^\d+aardvark-dns\n$/)
    const sockets = (await host.sh(socketsAt('10.72.0.1'))).stdout
    expect(sockets.trim().split('\n')).toHaveLength(2)
    // A new network and a new name beside a file that cannot be read, one half written, and two listeners of one address.
    await write(host, {
      front: `${files['front']}ffff 10.72.0.9  late\n`,
      other: '10.72.3.1\nffff 10.72.3.2  late\n',
      broken: '10.72.2.1\nzzzz\n',
      double: '10.72.0.1\ngggg 10.72.0.8  double\n',
      '.half': '10.72.2.1\nhhhh 10.72.2.2  half\n',
    })
    await host.sh(`kill -HUP ${pidOf}; ${until('10.72.3.2', '@10.72.3.1 late')}`)
    expect(await dig(host, '-b', '10.72.0.2', '@10.72.0.1', 'late')).toBe('NOERROR, A 10.72.0.9')
    expect((await host.sh(socketsAt('10.72.2.1'))).stdout).toBe('')
    expect((await host.sh(socketsAt('10.72.0.1'))).stdout).toBe(sockets)
    // Names and networks that are gone, and a gateway that has moved.
    await write(host, { other: '10.72.2.1\nffff 10.72.3.2  late\n' })
    await host.sh(
      `cd ${folder}; rm front double; kill -HUP ${pidOf}; ${until('10.72.3.2', '@10.72.2.1 late')}`,
    )
    expect((await host.sh(`${socketsAt('10.72.0.1')}; ${socketsAt('10.72.3.1')}`)).stdout).toBe('')
    await host.sh(`cd ${folder}; rm .half other broken; kill -HUP $(cat aardvark.pid)`)
    await host.sh(`until [ -z "$(ls -A ${folder})" ]; do sleep 0.02; done`)
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })

  it('says at its beginning what it cannot serve, and leaves the server that runs alone', async () => {
    await using lab = await createLab()
    const host = await layFolder(lab)
    await write(host, files)
    await host.sh(run(ours))
    const pid = (await host.sh(`cat ${folder}/aardvark.pid`)).stdout
    const second = await host.sh(run(ours), { expectExit: 1 })
    expect(second.stderr).toMatch(/^Error starting server listening on 10\.72\.[01]\.1 port 53: .*EADDRINUSE/)
    expect((await host.sh(`cat ${folder}/aardvark.pid`)).stdout).toBe(pid)
    expect(await answers(host)).toEqual(questions.map(([, , answer]) => answer))
  })

  it('has nothing of whoever started it, and complains to the system’s log', async () => {
    await using lab = await createLab()
    const host = await layFolder(lab)
    await write(host, { ...files, broken: 'nonsense\n' })
    const { stdout } = await host.run([
      ...['unshare', '-m', 'bash', '-ec'],
      // A /dev of its own, with a log in it.
      `mkdir /run/dev; mount -t tmpfs tmpfs /run/dev; cp -a /dev/null /dev/urandom /run/dev; mount --bind /run/dev /dev
         socat -u UNIX-RECV:/dev/log OPEN:/run/log,creat,append & until [ -e /dev/log ]; do sleep 0.02; done
         exec 40</etc/hostname; ${run(ours)}
         find /proc/${pidOf}/fd -lname /etc/hostname
         awk '/^(Uid|CapEff)/{print $2}' /proc/${pidOf}/status
         until grep -q nonsense /run/log; do sleep 0.02; done; sed 's/.*aardvark-dns\\[[0-9]*\\]//' /run/log; echo
         kill ${pidOf} $!`,
    ])
    // Root, because the files are root's; of root's rights, low ports alone.
    expect(stdout).toBe(
      `0\n0000000000000400\n: reading ${folder}/broken: line 1: "nonsense" is no IP address\n`,
    )
  })

  it('serves Debian’s netavark, which starts it, tells it and ends it', { timeout: 120_000 }, async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    await host.sh('mkdir -p /run/mixed; ip link set lo up')
    await host.sh(`cp ${debians}/netavark /run/mixed; ln -s ${ours}/aardvark-dns /run/mixed/aardvark-dns`)
    const member = async (name: string, number: number): Promise<Joined> => {
      const box = await lab.container(host)
      return older({
        ...{ box, number: 1, network: { dns_enabled: true } },
        joining: { static_ips: [`10.70.1.${number}`], aliases: [`${name}-alias`] },
        call: { container_name: name, container_id: `${name}-${box.pid}` },
      })
    }
    const way = { folder: '/run/mixed' }
    const [web, asker] = [await member('web', 2), await member('asker', 3)]
    const env = { NETAVARK_DNS_PORT: '53' }
    await netavark(host, asker, { ...way, env, verb: 'setup' })
    await netavark(host, web, { ...way, env, verb: 'setup' })
    await asker.box.sh(until('10.70.1.2', '@10.70.1.1 web-alias.dns.podman'))
    await netavark(host, web, { ...way, env, verb: 'teardown' })
    // The bridge takes another port's MAC with netavark 1.4 (mended in 1.9), which the asker does not know.
    await asker.box.sh(`ip neigh flush dev eth0; ${until('', '@10.70.1.1 web.dns.podman')}`)
    await netavark(host, asker, { ...way, env, verb: 'teardown' })
    await host.sh('until [ -z "$(ls -A /run/nv/aardvark-dns)" ]; do sleep 0.02; done')
  })

  it('is told by our netavark where it runs already', { timeout: 120_000 }, async () => {
    await using lab = await createLab()
    const host = await lab.host('host', { forwarding: true })
    const box = await lab.container(host)
    // Somebody's own network of names, on the folder that our netavark writes, too.
    await host.sh(`ip link set lo up; mkdir -p /run/nv/aardvark-dns; ln -s /run/nv/aardvark-dns ${folder}`)
    await write(host, { own: '127.0.0.72\naaaa 192.0.2.72  mine\n' })
    await host.sh(run(ours))
    const before = await snapshot(host)
    const one: Joined = { box, number: 1, network: { dns_enabled: true }, call: { container_name: 'web' } }
    await netavark(host, one, { verb: 'setup' })
    await box.sh(until('10.70.1.2', '@10.70.1.1 web'))
    expect((await host.sh('ls /run/tsnet')).stdout).not.toContain('dns')
    await netavark(host, one, { verb: 'teardown' })
    await host.sh(
      `${until('192.0.2.72', '@127.0.0.72 mine')}; until [ -z "$(${socketsAt('10.70.1.1')})" ]; do sleep 0.02; done`,
    )
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })
})
