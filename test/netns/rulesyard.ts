/**
 * A host with tsnetd and a container whose port somebody elsewhere asks for, a thousand times a second and each time on
 * a connection of its own; ways by which rules are lost.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Host } from '../../netns-fixtures/host.ts'
import type { Lab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import type { Background } from '../../netns-fixtures/process.ts'

export const program: string = `${repository}dist/bin/tsnet`
const server =
  "require('net').createServer((s)=>{s.on('error',()=>{});s.end('hello\\n')}).listen(80,'::',()=>console.log('listening'))"

export interface Figures {
  readonly asked: number
  readonly failed: number
  readonly gapMs: number
  readonly perSecond: number
}

export interface Yard {
  readonly host: Host
  readonly daemon: Background
  /** What happened to the requests since the last time. */
  figures(): Promise<Figures>
}

export interface YardOptions {
  readonly variant?: 'nft' | 'legacy'
  readonly ownRules?: true
  /** When a request has failed that has no answer. What is not forwarded is refused at once. */
  readonly limitMs?: number
}

/** web is published on port 8080 of the host, and somebody elsewhere asks it a thousand times a second. */
export async function yard(
  lab: Lab,
  firewall: string,
  { variant = 'nft', limitMs = 250, ...config }: YardOptions = {},
): Promise<Yard> {
  const host = await lab.host('host', { iptables: variant })
  const far = await lab.host('far')
  await lab.wire(host, far, '198.51.100.0/24', { defaultRoute: 'first' })
  await host.sh('mkdir -p /etc/tsnet; echo "$CONFIG" > /etc/tsnet/config.json', {
    env: { CONFIG: JSON.stringify({ firewall, ...config }) },
  })
  const daemon = host.start([process.execPath, program, 'daemon', 'run'])
  await daemon.waitFor('"listening"')
  const box = await lab.container(host)
  await box.start([process.execPath, '-e', server]).waitFor('listening')
  // Saved while another container had another port: what comes back with it is of nobody.
  const old = await lab.container(host)
  await host.tsnet('setup', '--netns', old.netns, '--id', 'old', '-p', '8081:80')
  await host.sh('iptables-save > /run/older.save; (echo flush ruleset; nft list ruleset) > /run/older.nft')
  await host.tsnet('teardown', 'old')
  await host.tsnet('setup', '--netns', box.netns, '--id', 'web', '-p', '8080:80')
  const agent = `${repository}test/netns/agents/requests.ts`
  const load = far.start(
    [process.execPath, '--import', 'tsx', agent, '198.51.100.1', '8080', '1000', String(limitMs)],
    {
      cwd: repository,
    },
  )
  await load.waitFor('begun')
  let told = 0
  const figures = async (): Promise<Figures> => {
    load.write('\n')
    const lines = await until(
      'figures',
      () =>
        load
          .output()
          .split('\n')
          .filter((line) => line.startsWith('{')),
      (all) => all.length > told,
    )
    told = lines.length
    return JSON.parse(lines[told - 1] as string) as Figures
  }
  return { host, daemon, figures }
}

export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  isSo: (seen: T) => boolean,
): Promise<T> {
  const deadline = Date.now() + 30_000
  for (;;) {
    const seen = await look()
    if (isSo(seen)) return seen
    if (Date.now() > deadline) throw new Error(`still not so after 30 s: ${what}: ${JSON.stringify(seen)}`)
    await sleep(20)
  }
}

export interface Way {
  readonly what: string
  readonly line: string
}

/** How rules are lost; the shell says its pid, and then becomes the program. */
const older: Way = {
  what: 'iptables-restore of an older save',
  line: 'exec iptables-restore /run/older.save',
}
export const iptablesWays: readonly Way[] = [
  { what: 'iptables -F -t nat', line: 'exec iptables -t nat -F' },
  older,
]
export const nftWays: readonly Way[] = [
  { what: 'nft flush ruleset', line: 'exec nft flush ruleset' },
  {
    what: 'systemctl restart nftables (flush, then /etc/nftables.conf)',
    line:
      "echo 'flush ruleset; table inet filter { chain input { type filter hook input priority filter; }; }' " +
      '> /etc/nftables.conf; exec nft -f /etc/nftables.conf',
  },
]
export const deletes = (table: string): Way => ({
  what: `nft delete table ${table}`,
  line: `exec nft delete table ${table}`,
})
export const olderNft: Way = { what: 'nft -f of an older save', line: 'exec nft -f /run/older.nft' }
