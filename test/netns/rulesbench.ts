/**
 * Rules and waits that the tests of the kernel room's rules side share.
 *
 * @module
 */

import type { Address } from '../../lib/model/address.ts'
import type { FirewallIntent } from '../../lib/plan/intent.ts'
import type { Host } from '../../netns-fixtures/host.ts'

export const base = `add table inet demo
add chain inet demo first
add chain inet demo second { type filter hook forward priority filter; policy accept; }
add map inet demo ports { type inet_proto . inet_service : ipv4_addr . inet_service; }
add map inet demo ranges { type inet_service : ipv4_addr . inet_service; flags interval; }
add set inet demo bridges { type ifname; }
add rule inet demo second iifname @bridges jump first
add rule inet demo second tcp dport 80 accept comment "tsnet:a"
`

export const everyIntent: readonly FirewallIntent[] = [
  { kind: 'base' },
  {
    kind: 'network',
    network: 'web',
    bridge: 'br-web',
    subnets: ['10.7.0.0/24', 'fd00:7::/64'] as never,
    internal: false,
    icc: true,
    isolate: false,
    masquerade: true,
  },
  {
    kind: 'publish',
    owner: 'box/eth0',
    bridge: 'br-web',
    addresses: ['10.7.0.2', 'fd00:7::2'] as Address[],
    bindings: [
      { hostPort: 8080, containerPort: 80, count: 1, protocol: 'tcp' },
      { hostPort: 9000, containerPort: 9000, count: 100, protocol: 'udp' },
      { hostPort: 7000, containerPort: 7100, count: 3, protocol: 'tcp' },
      { hostAddress: '192.0.2.1' as Address, hostPort: 81, containerPort: 80, count: 1, protocol: 'sctp' },
    ],
  },
]

export async function waitUntil(host: Host, look: string, ready: (output: string) => boolean): Promise<void> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; )
    if (ready((await host.sh(look)).stdout)) return
  throw new Error(`${look}: not as awaited`)
}
