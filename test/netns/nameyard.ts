/**
 * What the name server's tests share: a street with a real upstream (dnsmasq)
 * on the far side, containers with names, and short questions.
 *
 * @module
 */
import type { ContainerNetwork } from '../../lib/index.ts'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import type { Lab } from '../../netns-fixtures/lab.ts'
import type { Place } from '../../netns-fixtures/place.ts'
import { layStreet, type Street } from './traceless.ts'

export interface NameYard extends Street {
  /** Sets a container up and returns it with what it was told. */
  container(...flags: string[]): Promise<Named>
}

export interface Named {
  readonly box: Container
  readonly told: ContainerNetwork
  /** The first server it was told of. */
  readonly server: string
}

/** The host asks 198.51.100.2, where dnsmasq answers for `example.test` and nothing else. */
export async function layNameYard(lab: Lab): Promise<NameYard> {
  const street = await layStreet(lab)
  const { host, outside } = street
  await startDnsmasq(outside, '198.51.100.2', [
    '--host-record=www.example.test,192.0.2.80,2001:db8::80',
    '--txt-record=big.example.test,' +
      Array.from({ length: 12 }, (_, i) => `${i}`.repeat(200).slice(0, 200)).join(','),
    '--local-ttl=60',
    '--address=/#/',
  ])
  await host.sh("printf 'nameserver 198.51.100.2\\nsearch corp.test\\n' > /etc/resolv.conf")
  return {
    ...street,
    container: async (...flags) => {
      const box = await lab.container(host)
      const told = await host.tsnetJson<ContainerNetwork>('setup', '--netns', box.netns, ...flags)
      return { box, told, server: told.resolver.servers[0] ?? '' }
    },
  }
}

/** Waits until it answers. */
export async function startDnsmasq(place: Place, address: string, options: readonly string[]): Promise<void> {
  place.start([
    ...[
      'dnsmasq',
      '--keep-in-foreground',
      '--conf-file=/dev/null',
      '--no-resolv',
      '--no-hosts',
      '--pid-file=',
    ],
    ...[
      '--user=root',
      '--bind-interfaces',
      `--listen-address=${address}`,
      '--log-queries',
      '--log-facility=/run/queries',
    ],
    ...options,
  ])
  await place.sh(`until dig +time=1 +tries=1 @${address} ready.test >/dev/null; do sleep 0.05; done`)
}

/**
 * What that upstream has been asked for, beside our own waiting. It is asked once more itself: it takes questions in turn, so
 * those that were repeated, because it got no processor for a second, stand in its log by then.
 */
export async function askedUpstream(outside: Host): Promise<string> {
  const { stdout } = await outside.sh('dig +tries=3 @198.51.100.2 ready.test >/dev/null; cat /run/queries')
  return stdout
    .split('\n')
    .flatMap((line) => / query\[(\w+)\] (\S+) /.exec(line)?.slice(1, 3).join(' ') ?? [])
    .filter((query) => !query.endsWith('ready.test'))
    .sort()
    .join('\n')
}

/** One question, which the kernel may lose once while it sets links up: `STATUS` and the answers' data, sorted. */
export async function dig(from: Place, ...words: string[]): Promise<string> {
  const { stdout } = await from.run(['dig', '+time=7', '+tries=3', '+nocookie', ...words], {
    expectExit: 'any',
  })
  const status = /status: (\w+)/.exec(stdout)?.[1] ?? 'no reply'
  const answers = (/;; ANSWER SECTION:\n([^;]*?)\n\n/.exec(stdout)?.[1] ?? '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(/\s+/).slice(3).join(' '))
  return [status, ...answers.sort()].join(', ')
}

/** As admins do it: what was asked for and neighbour discovery may come in, nothing else. */
export async function dropInput(host: Host, tool: 'iptables-nft' | 'iptables-legacy'): Promise<void> {
  for (const program of [tool, tool.replace('ip', 'ip6')]) {
    await host.sh(
      `${program} -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT; ${program} -A INPUT -i lo -j ACCEPT; ` +
        `${program} -P INPUT DROP; ${program} -P FORWARD ACCEPT; case ${program} in ip6*) ${program} -A INPUT -p ipv6-icmp -j ACCEPT ;; esac`,
    )
  }
}
