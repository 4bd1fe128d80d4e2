/**
 * The host that `test/faults.ts` speaks of, and one fault done to it.
 *
 * @module
 */
import type { ContainerNetwork } from '../../lib/index.ts'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import type { Lab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import type { RunResult } from '../../netns-fixtures/process.ts'
import { startDnsmasq } from './nameyard.ts'

export interface ShopHost {
  readonly host: Host
  readonly outside: Host
  readonly boxes: Readonly<Record<'web' | 'db' | 'safe' | 'both', Container>>
  /** Shell with what scripts of faults may use. */
  shell(script: string): Promise<RunResult>
}

export async function layShopHost(
  lab: Lab,
  backend: 'iptables' | 'nftables',
  /** Shell, run before tsnet does anything. */
  before = ':',
): Promise<ShopHost> {
  const host = await lab.host('host', { forwarding: true })
  const outside = await lab.host('outside')
  await lab.wire(host, outside, '198.51.100.0/24', { defaultRoute: 'first' })
  await outside.serve.tcp(7)
  await startDnsmasq(outside, '198.51.100.2', ['--address=/#/'])
  await host.sh('echo nameserver 198.51.100.2 > /etc/resolv.conf')
  await host.sh(before)
  const flags = ['--firewall', backend]
  await host.tsnet('network', 'create', 'shop', '--subnet', '10.90.0.0/24', ...flags)
  await host.tsnet('network', 'create', 'vault', '--subnet', '10.91.0.0/24', ...flags)
  const add = async (name: string, ...words: string[]): Promise<[Container, ContainerNetwork]> => {
    const box = await lab.container(host)
    const setup = ['setup', '--pid', String(box.pid), '--id', name, '--container-name', name]
    return [box, await host.tsnetJson<ContainerNetwork>(...setup, ...words, ...flags)]
  }
  const [web, told] = await add('web', '--network', 'shop', '-p', '8080:80', '--mac', '02:42:0a:5a:00:02')
  const [db] = await add('db', '--network', 'shop')
  const [safe, hidden] = await add('safe', '--network', 'vault')
  const [both] = await add('both', '--network', 'shop', '--network', 'vault')
  await Promise.all([web.serve.tcp(80), db.serve.tcp(5432), safe.serve.tcp(22)])
  const env = {
    PATH: `${repository}dist/bin:${process.env['PATH']}`,
    TSNET_FIREWALL: backend,
    WEB: String(web.pid),
    DB: String(db.pid),
    SAFE: String(safe.pid),
    BOTH: String(both.pid),
    OUTSIDE: String(outside.pid),
    BRIDGE: told.attachments[0]?.bridge ?? '',
    WEBVETH: told.attachments[0]?.hostIfname ?? '',
    VAULT: hidden.attachments[0]?.bridge ?? '',
  }
  const inside = ['web', 'db', 'both'].map(
    (name) => `in_${name}() { nsenter -t $${name.toUpperCase()} -n "$@"; }`,
  )
  return {
    host,
    outside,
    boxes: { web, db, safe, both },
    shell: (script) => host.run(['sh', '-ec', [...inside, script].join('\n')], { env }),
  }
}
