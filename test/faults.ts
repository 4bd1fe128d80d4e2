/**
 * Prepared faults: what breaks a network in practice, and the finding that must
 * come first. Written before the code that finds them (the list was committed
 * without it), and the definition of done of `tsnet doctor` and `tsnet trace`.
 *
 * Each is done to a healthy host by its script and taken back by `mend`, after
 * which the host must give no finding again. A fault without `mend` is final and
 * gets a host of its own.
 *
 * The host: network `shop` (10.90.0.0/24) with containers `web` (10.90.0.2, port
 * 80 published as 8080, listening) and `db` (10.90.0.3, listening on 5432);
 * network `vault` (10.91.0.0/24) with `safe` (10.91.0.2, listening on 22);
 * `both` is on shop and vault. The way out is `eth0` to 198.51.100.2, which
 * answers on port 7 and serves names.
 *
 * In scripts: $BRIDGE and $VAULT are the bridges, $WEBVETH the host end of web,
 * $WEB, $DB, $SAFE, $BOTH and
 * $OUTSIDE pids; `in_web …` runs inside web, `in_db`, `in_both` alike.
 *
 * @module
 */

import { livingIn } from '../netns-fixtures/namespaces.ts'

export interface Fault {
  readonly name: string
  readonly backend: 'iptables' | 'nftables' | 'both'
  readonly break: string
  readonly mend?: string
  /** Code of the first finding of `tsnet doctor`. */
  readonly doctor?: string
  /** `tsnet trace` with these words stops at that stage, for that reason. */
  readonly trace?: {
    readonly words: readonly [string, string]
    readonly stage: string
    readonly reason: string
  }
}

export const faults: readonly Fault[] = [
  {
    name: 'forwarding is switched off',
    backend: 'both',
    break: 'sysctl -qw net.ipv4.ip_forward=0',
    mend: 'sysctl -qw net.ipv4.ip_forward=1',
    doctor: 'forwarding-off',
  },
  {
    name: 'a policy of DROP in iptables-legacy, set after the network was made',
    backend: 'both',
    break: 'iptables-legacy -P FORWARD DROP',
    mend: 'iptables-legacy -P FORWARD ACCEPT',
    doctor: 'foreign-drop',
  },
  {
    name: 'a native nft table of the admin that drops what is forwarded',
    backend: 'both',
    break:
      "nft 'add table inet admin; add chain inet admin forwarded { type filter hook forward priority 10; policy drop; }'",
    mend: 'nft delete table inet admin',
    doctor: 'foreign-drop',
  },
  {
    name: "a drop of one subnet in the admin's nft table",
    backend: 'both',
    break:
      "nft 'add table ip admin; add chain ip admin forwarded { type filter hook forward priority -5; }; add rule ip admin forwarded ip saddr 10.90.0.0/24 drop'",
    mend: 'nft delete table ip admin',
    doctor: 'foreign-drop',
  },
  {
    name: 'an input chain that drops, so that containers cannot ask for names',
    backend: 'both',
    break:
      "nft 'add table inet admin; add chain inet admin input { type filter hook input priority 0; policy drop; }; add rule inet admin input iifname lo accept; add rule inet admin input ct state established accept'",
    mend: 'nft delete table inet admin',
    doctor: 'names-blocked',
  },
  {
    name: 'rules in iptables-legacy beside those in iptables-nft',
    backend: 'iptables',
    break: 'iptables-legacy -A FORWARD -s 192.0.2.9 -j ACCEPT',
    mend: 'iptables-legacy -F FORWARD',
    doctor: 'mixed-backends',
  },
  {
    name: 'the rule of a published port is gone',
    backend: 'iptables',
    break:
      'iptables -t nat -S | sed -n "s/^-A TSNET-DNAT-/-D TSNET-DNAT-/p" > /run/dnat; iptables -t nat $(sed -n 1p /run/dnat | tr -d \'"\')',
    mend: "iptables -t nat $(sed -n 1p /run/dnat | tr -d '\"' | sed s/^-D/-A/)",
    doctor: 'rules-missing',
  },
  {
    name: 'the table was flushed away',
    backend: 'nftables',
    break: 'nft list table inet tsnet > /run/table; nft delete table inet tsnet',
    mend: 'nft -f /run/table',
    doctor: 'rules-missing',
  },
  {
    name: 'a container has lost its default route',
    backend: 'both',
    break: 'in_web ip route del default',
    mend: 'in_web ip route add default via 10.90.0.1 dev eth0',
    doctor: 'route-missing',
  },
  {
    name: 'a container has lost its address',
    backend: 'both',
    break: 'in_web ip addr del 10.90.0.2/24 dev eth0',
    mend: 'in_web ip addr add 10.90.0.2/24 dev eth0; in_web ip route add default via 10.90.0.1 dev eth0',
    doctor: 'address-missing',
  },
  {
    name: 'a bridge is down',
    backend: 'both',
    break: 'ip link set $BRIDGE down',
    mend: 'ip link set $BRIDGE up',
    doctor: 'bridge-down',
  },
  {
    name: 'a bridge is full',
    backend: 'both',
    break:
      'for i in $(seq 1000); do echo "tuntap add dev full$i mode tap"; echo "link set dev full$i master $BRIDGE group 77"; done | ip -batch -',
    mend: 'ip link del group 77',
    doctor: 'bridge-full',
  },
  {
    name: 'the host end of a container is down',
    backend: 'both',
    break: 'ip link set $WEBVETH down',
    mend: 'ip link set $WEBVETH up; in_web ip route replace default via 10.90.0.1 dev eth0',
    doctor: 'link-down',
  },
  {
    name: 'the interface inside a container is down',
    backend: 'both',
    break: 'in_web ip link set eth0 down',
    mend: 'in_web ip link set eth0 up; in_web ip route replace default via 10.90.0.1 dev eth0',
    doctor: 'link-down',
  },
  {
    name: 'the host end was taken out of its bridge',
    backend: 'both',
    break: 'ip link set $WEBVETH nomaster',
    mend: 'ip link set $WEBVETH master $BRIDGE; bridge link set dev $WEBVETH hairpin on',
    doctor: 'not-in-bridge',
  },
  {
    name: 'a port turns packets to its own published port no longer around',
    backend: 'both',
    break: 'bridge link set dev $WEBVETH hairpin off',
    mend: 'bridge link set dev $WEBVETH hairpin on',
    doctor: 'setting-changed',
  },
  {
    name: "a bridge has lost the address that is its containers' gateway",
    backend: 'both',
    break: 'ip addr del 10.90.0.1/24 dev $BRIDGE',
    mend: 'ip addr add 10.90.0.1/24 dev $BRIDGE',
    doctor: 'gateway-missing',
  },
  {
    name: 'the host end carries less than the container sends: large packets vanish',
    backend: 'both',
    break: 'ip link set $WEBVETH mtu 1200',
    mend: 'ip link set $WEBVETH mtu 1500',
    doctor: 'mtu-hole',
  },
  {
    name: 'the way out carries less than the containers send',
    backend: 'both',
    break: 'ip link set eth0 mtu 1300',
    mend: 'ip link set eth0 mtu 1500',
    doctor: 'mtu-path',
  },
  {
    name: 'the way out carries less than the containers send, and another uplink that has a table of its own does not',
    backend: 'both',
    break: `ip link set eth0 mtu 1300; ip link add up9 type veth peer name up8; ip link set up9 up; ip link set up8 up
      ip route add default via 203.0.113.2 dev up9 onlink table 101`,
    mend: 'ip link del up9; ip link set eth0 mtu 1500',
    doctor: 'mtu-path',
  },
  {
    name: 'the next hop takes less than its wire says: large packets vanish, and nobody tells',
    backend: 'both',
    break: 'nsenter -t $OUTSIDE -n ip link set eth0 mtu 1300',
    mend: 'nsenter -t $OUTSIDE -n ip link set eth0 mtu 1500',
    doctor: 'path-hole',
  },
  {
    name: "the host asks the name server of tsnet, which asks the host's",
    backend: 'both',
    break: 'cp /etc/resolv.conf /run/resolv; echo nameserver 10.90.0.1 > /etc/resolv.conf',
    mend: 'cat /run/resolv > /etc/resolv.conf',
    doctor: 'dns-loop',
  },
  {
    name: 'the only name server of the host does not answer',
    backend: 'both',
    break: 'cp /etc/resolv.conf /run/resolv; echo nameserver 198.51.100.99 > /etc/resolv.conf',
    mend: 'cat /run/resolv > /etc/resolv.conf',
    doctor: 'dns-upstream-dead',
  },
  {
    name: "a VPN takes a part of the containers' subnet",
    backend: 'both',
    break: 'ip route add 10.90.0.0/25 via 198.51.100.2',
    mend: 'ip route del 10.90.0.0/25',
    doctor: 'route-overlap',
  },
  {
    name: "another bridge has an address out of the containers' subnet",
    backend: 'both',
    break: 'ip link add lan0 type bridge; ip addr add 10.90.0.200/26 dev lan0; ip link set lan0 up',
    mend: 'ip link del lan0',
    doctor: 'route-overlap',
  },
  {
    name: 'two containers have the same address',
    backend: 'both',
    break: 'in_web ip addr add 10.90.0.3/24 dev eth0',
    mend: 'in_web ip addr del 10.90.0.3/24 dev eth0',
    doctor: 'duplicate-address',
  },
  {
    name: 'two containers have the same MAC address',
    backend: 'both',
    break:
      "in_web cat /sys/class/net/eth0/address > /dev/null; in_web ip link set eth0 address $(in_db ip -br link show eth0 | awk '{print $3}')",
    mend: 'in_web ip link set eth0 address 02:42:0a:5a:00:02',
    doctor: 'duplicate-mac',
  },
  {
    name: 'strict reverse path filtering in a container on two networks',
    backend: 'both',
    break:
      'in_both sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.eth0.rp_filter=1 net.ipv4.conf.eth1.rp_filter=1',
    mend: 'in_both sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=2 net.ipv4.conf.eth1.rp_filter=2',
    doctor: 'rp-filter',
  },
  {
    name: 'a published service listens on 127.0.0.1 of its container only',
    backend: 'both',
    break:
      'tsnet publish add web 8099:99; nsenter -t $WEB -n socat TCP-LISTEN:99,bind=127.0.0.1,fork EXEC:cat </dev/null >/dev/null 2>&1 & echo $! > /run/socat; until in_web ss -Hltn | grep -q 127.0.0.1:99; do sleep 0.05; done',
    mend: 'kill $(cat /run/socat); tsnet publish rm web 8099:99',
    doctor: 'listener-loopback',
  },
  {
    name: "somebody else's DNAT rule takes a published port",
    backend: 'both',
    break:
      "nft 'add table ip admin; add chain ip admin pre { type nat hook prerouting priority -110; }; add rule ip admin pre tcp dport 8080 dnat to 198.51.100.2:7'",
    mend: 'nft delete table ip admin',
    doctor: 'port-taken',
  },
  {
    name: 'an end of a pair that belongs to no container',
    backend: 'both',
    break:
      'ip link add stray type veth peer name stray1; ip link set stray alias "tsnet:0123456789ab/eth0 gone"',
    mend: 'ip link del stray',
    doctor: 'stale-link',
  },
  {
    name: 'a lease that nobody holds',
    backend: 'both',
    break:
      'sed "s/\\"record\\":\\"[^\\"]*\\"/\\"record\\":\\"nobody\\"/" /run/tsnet/leases/shop/10.90.0.2 > /run/tsnet/leases/shop/10.90.0.77',
    mend: 'rm -f /run/tsnet/leases/shop/10.90.0.77',
    doctor: 'stale-lease',
  },
  {
    name: 'the definition of a network is cut',
    backend: 'both',
    break:
      'cp -p /var/lib/tsnet/networks/vault.json /run/kept; echo "{" > /var/lib/tsnet/networks/vault.json',
    mend: 'cp -p /run/kept /var/lib/tsnet/networks/vault.json; rm /run/kept',
    doctor: 'definition-unreadable',
  },
  {
    name: 'the record of a container is cut',
    backend: 'both',
    break:
      'file=$(grep -l \'"name":"safe"\' /run/tsnet/containers/*.json); mv $file /run/kept; echo "{" > $file; echo $file > /run/which',
    mend: 'file=$(cat /run/which); mv /run/kept $file; rm -f $file.unreadable /run/which',
    doctor: 'record-unreadable',
  },
  {
    name: 'a network of tsnet is isolated, and somebody expects it is not',
    backend: 'both',
    break: 'true',
    mend: 'true',
    trace: { words: ['web', 'safe:22'], stage: 'filter', reason: 'isolated' },
  },
  {
    name: 'the service is not there',
    backend: 'both',
    break: 'true',
    mend: 'true',
    trace: { words: ['web', 'db:5433'], stage: 'probe', reason: 'no-listener' },
  },
  {
    name: 'a rule inside the container drops what comes in',
    backend: 'both',
    break:
      "in_db nft 'add table ip own; add chain ip own in { type filter hook input priority 0; }; add rule ip own in tcp dport 5432 drop'",
    mend: 'in_db nft delete table ip own',
    trace: { words: ['web', 'db:5432'], stage: 'filter-inside', reason: 'dropped' },
  },
  {
    name: 'the container has no route to where it wants to go',
    backend: 'both',
    break: 'in_web ip route del default',
    mend: 'in_web ip route add default via 10.90.0.1 dev eth0',
    trace: { words: ['web', '198.51.100.2:7'], stage: 'route', reason: 'no-route' },
  },
  {
    name: 'nobody has that address',
    backend: 'both',
    break: 'true',
    mend: 'true',
    trace: { words: ['web', '10.90.0.99:80'], stage: 'neighbour', reason: 'nobody' },
  },
  {
    name: 'the name server of tsnet was killed',
    backend: 'both',
    break: `kill -9 $(ss -Hulpn "src 10.90.0.1:53" | sed -n "s/.*pid=\\([0-9]*\\).*/\\1/p" | head -1)
      while ss -Huln "src 10.90.0.1:53" | grep -q .; do sleep 0.05; done`,
    doctor: 'names-down',
  },
  {
    name: 'a container died and nobody took it down',
    backend: 'both',
    // Its namespace lives for whoever asks the host until the kernel has taken its links.
    break: `kill -9 $({ ${livingIn('$WEB')} } | cut -d/ -f3)
      while ip link show $WEBVETH >/dev/null 2>&1; do sleep 0.05; done`,
    doctor: 'container-gone',
  },
  {
    name: 'a command was killed half-way',
    backend: 'both',
    break: 'mv /run/tsnet/containers/db.json /run/tsnet/pending/container.db.json',
    doctor: 'half-done',
  },
]
