# dockerd with networks of $DRIVER (tsnet or bridge): the same lines for both, compared with one table.
. "$SCRIPTS/dockerd.sh"

# The example of the README, as it stands.
if [ -n "${EXAMPLE:-}" ]; then
  start_docker; tar -C $W/image -c . | d import - busybox >/dev/null
  picture > $W/before
  mkdir $W/tools; cat > $W/tools/docker <<T
#!/bin/sh
. $W/again
name=\$(printf '%s\n' "\$@" | sed -n '/^--name\$/{n;p;}')
one() { "$DOCKER" "\$@" || { code=\$?; [ "\$1" != run ] || "$DOCKER" rm -f "\$name" >/dev/null 2>&1; return \$code; }; }
again one "\$@"
T
  chmod +x $W/tools/docker
  PATH="$W/tools:$PATH" bash -euc "$EXAMPLE"
  section left; left_over; found "find /var/lib/tsnet /run/tsnet -mindepth 1 ! -name tsnetd.log*"
  exit
fi
start_tsnetd; start_docker
tar -C $W/image -c . | d import - bb >/dev/null
first_round

section published
n --subnet 10.60.0.0/24 one; n --subnet 10.61.0.0/24 two
r --name web --network one -p 8080:80 -p 127.0.0.1:8081:80 -p 9000-9001:80-81 -p 5353:53/udp bb sh -c "$serve"
pid=$(d inspect web --format '{{.State.Pid}}')
nsenter -t $pid -n socat UDP-LISTEN:53,fork SYSTEM:'echo $SOCAT_PEERADDR' &
UDP=$!; until_true 10 sh -c "nsenter -t $pid -n cat /proc/net/udp /proc/net/udp6 | grep -q ':0035 '"
soon http://127.0.0.1:8080/; get http://$outside:8080/; get http://127.0.0.1:8081/; get http://$outside:8081/; get http://127.0.0.1:9000/
section far; far curl -fs --max-time 10 http://$outside:8080/ || echo no
far curl -fs --max-time 1 http://$outside:8081/ || echo no
section udp
asked() { for i in $(seq 30); do answer=$(echo x | "$@" || true); [ -z "$answer" ] || break; sleep 0.3; done; echo "$answer"; }
asked far socat -t 0.5 - UDP:$outside:5353; asked socat -t 0.5 - UDP:127.0.0.1:5353; kill $UDP
section any; r --name any --network one --expose 80 -P bb sh -c "$serve"
[ "$DRIVER" = bridge ] || until_true 10 tsnet port any
[ "$DRIVER" = tsnet ] && port=$(tsnet port any | sed 's/.*://') || port=$(d port any 80 | head -1 | sed 's/.*://')
soon http://127.0.0.1:$port/
section taken; d run --rm --network one -p 8080:80 bb sleep 0 >/dev/null 2>$W/err && echo started || echo refused; get http://127.0.0.1:8080/
section reached
r --name client --network one --network-alias me --ip 10.60.0.77 --mac-address 02:00:00:00:00:77 bb sleep 1000
pings client 10.60.0.2 && echo address
for name in web web.one $(d ps -q -f name=web); do pings client $name && echo name; done
pings web me && echo alias
in_ client nslookup web 127.0.0.11 | sed -n 's/^Address: //p'
section out; pings client 198.51.100.2 && echo out
section static; d inspect client --format '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.MacAddress}} {{.Gateway}}{{end}}'; in_ client cat /sys/class/net/eth0/address
section isolated; r --name apart --network two bb sh -c "$serve"
in_ client ping -c1 -W1 $(address apart) >/dev/null 2>&1 && echo in || echo apart
section connected
c --ip 10.61.0.9 two client
in_ client ip -o -4 addr show eth1 | grep -o 'inet [0-9./]*'; reach client apart
d network disconnect two client; in_ client ls /sys/class/net; cut_off client apart; reach client web
# dockerd counts by the links it has moved: one taken away under it would cost the counts of all.
section stats; d stats --no-stream --format '{{.NetIO}}' client | grep -vc '^0B / 0B$'
section inspected; d network inspect one --format '{{range .IPAM.Config}}{{.Subnet}}{{end}} {{.Internal}} {{.EnableIPv6}} {{len .Containers}}'
section restarted; again d restart -t 0 web >/dev/null; soon http://127.0.0.1:8080/; reach client web
section internal
n --internal --subnet 10.62.0.0/24 closed
r --name in1 --network closed -p 8089:80 bb sh -c "$serve"; r --name in2 --network closed bb sleep 1000
reach in2 in1; in_ in2 ping -c1 -W1 198.51.100.2 >/dev/null 2>&1 && echo out || echo closed; get http://127.0.0.1:8089/
d rm -f in1 in2 >/dev/null; d network rm closed >/dev/null
section six
n --ipv6 --subnet 10.63.0.0/24 --subnet fd63::/64 six
r --name six1 --network six -p 8086:80 bb sh -c "$serve"; r --name six2 --network six --ip6 fd63::99 bb sleep 1000
in_ six2 ip -o -6 addr show eth0 scope global | grep -o 'fd63::[0-9a-f]*/64'; until_true 3 in_ six2 ping -6 -c1 -W2 fd63::2 && echo address
soon http://127.0.0.1:8086/
d rm -f six1 six2 >/dev/null; d network rm six >/dev/null
section options
n --subnet 10.64.0.0/24 --ip-range 10.64.0.128/25 --gateway 10.64.0.254 --aux-address a=10.64.0.129 -o com.docker.network.bridge.name=mybr \
  -o com.docker.network.driver.mtu=1400 -o com.docker.network.bridge.host_binding_ipv4=127.0.0.1 -o com.docker.network.bridge.enable_icc=false \
  -o com.docker.network.bridge.enable_ip_masquerade=false own
r --name opt --network own -p 8090:80 bb sh -c "$serve"; r --name opt2 --network own bb sleep 1000
address opt; in_ opt cat /sys/class/net/eth0/mtu; cat /sys/class/net/mybr/mtu; in_ opt ip route | sed -n 's/^default via \([0-9.]*\).*/\1/p'
soon http://127.0.0.1:8090/; get http://$outside:8090/; cut_off opt2 $(address opt)
in_ opt ping -c1 -W1 198.51.100.2 >/dev/null 2>&1 && echo out || echo itself
d rm -f opt opt2 >/dev/null; d network rm own >/dev/null
section shared; d run --rm --network container:web bb sh -c "$(fetch_soon 127.0.0.1)"

section parallel
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do (r --name p$i --network two bb sleep 1000 || echo failed p$i) & jobs="${jobs:-} $!"; done; wait $jobs
d ps -q -f name=^/p | wc -l; d inspect $(d ps -q -f network=two) --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' | sort -u | wc -l
d rm -f $(d ps -q -f name=^/p) >/dev/null

section daemon_restarted; d update --restart always web >/dev/null
end TERM $(cat /run/docker.pid); start_docker; soon http://127.0.0.1:8080/
section daemon_killed; end KILL $(cat /run/docker.pid); LIVE=--live-restore; start_docker; soon http://127.0.0.1:8080/
again d start client apart >/dev/null; reach client web
# Containers live on while dockerd is away, and are dockerd's again afterwards.
section live_restored; end TERM $(cat /run/docker.pid); get http://$outside:8080/; start_docker; get http://127.0.0.1:8080/; reach client web
c two client; reach client apart; d network disconnect two client; again d restart -t 0 web >/dev/null; soon http://127.0.0.1:8080/
section killed; kill -9 $(d inspect apart --format '{{.State.Pid}}'); until_true 5 sh -c "! $DOCKER ps -q -f name=apart | grep -q ."
again d start apart >/dev/null; c two client; reach client apart; d network disconnect two client
section policy; iptables -S FORWARD | head -1
if [ "$DRIVER" = tsnet ]; then
  section driver_restarted; end TERM $TSNETD; get http://127.0.0.1:8080/; start_tsnetd; reach client web
  c two client; d network disconnect two client; get http://127.0.0.1:8080/
  section driver_killed; end KILL $TSNETD; ls /run/docker/plugins; get http://127.0.0.1:8080/; start_tsnetd
  c two client && reach client apart; d network disconnect two client
  section gateway_mode; far ip route add 10.67.0.0/24 via $outside
  n --subnet 10.67.0.0/24 -o com.docker.network.bridge.gateway_mode_ipv4=routed routed
  r --name routed --network routed -p 8070:80 bb sh -c "$serve"; until_true 5 far curl -fs --max-time 1 http://10.67.0.2/ || true
  far curl -fs --max-time 10 http://10.67.0.2/; get http://$outside:8070/; pings routed 198.51.100.2 && echo out
  until_true 10 tsnet port routed; tsnet port routed; d rm -f routed >/dev/null; d network rm routed >/dev/null
  section names; until_true 10 sh -c 'tsnet ls | grep -q "^[0-9a-f]* *client .*10.60.0.77"' && echo known
  tsnet inspect client | grep -o '"ifname": "eth0"'; in_ client nslookup -type=a web 10.60.0.1 | sed -n 's/^Address: \(10.*[^3]\)$/\1/p'
fi
section removed
d rm -f web any client apart >/dev/null; d network rm one two >/dev/null
left_over
