/** Prepared faults of `test/faults.ts` with iptables, the first half: what `tsnet doctor` finds first. */
import { needs } from '../../netns-fixtures/requirements.ts'
import { mendable, tryFaults } from './faulttrial.ts'

needs('root', 'ip', 'nft', 'iptables', 'iptables-legacy', 'veth', 'bridge', 'ipv6', 'socat', 'dig', 'dnsmasq')

tryFaults(
  'iptables',
  mendable('iptables').filter((_, at) => at % 2 === 0),
)
