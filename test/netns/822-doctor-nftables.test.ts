/** Prepared faults of `test/faults.ts` with nftables, the first half: what `tsnet doctor` finds first. */
import { needs } from '../../netns-fixtures/requirements.ts'
import { mendable, tryFaults } from './faulttrial.ts'

needs('root', 'ip', 'nft', 'iptables', 'iptables-legacy', 'veth', 'bridge', 'ipv6', 'socat', 'dig', 'dnsmasq')

tryFaults(
  'nftables',
  mendable('nftables').filter((_, at) => at % 2 === 0),
)
