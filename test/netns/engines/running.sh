# Podman on running containers, with the netavark in $HELPERS: networks come, go and are removed, ports move.
. "$SCRIPTS/podman-prepare.sh"
ask() { p exec "$1" nslookup -type=a "$2.dns.podman" $3 2>&1 | grep -A1 'Name:\|NXDOMAIN' | grep -o 'Address: .*\|NXDOMAIN' | sort; }
# CONTAINER NAME [SERVER]
lookup() { echo $(ask "$1" "$2" "${3-}" || true); }
dead() { curl -fs --max-time 1 "$1" >/dev/null && echo answers || echo dead; }
routes() { p exec "$1" ip route | grep -o "default via [0-9.]* dev eth[0-9]" | sort | head -1; }
for n in 1 2 3; do p network create "n$n" --subnet 10.71.$n.0/24 >/dev/null; done

section moved
r --name web --network n1:alias=www -p 8080:80 bb sh -c "$serve"
r --name asker --network n2 bb sleep 1000
soon http://127.0.0.1:8080/
p network connect n2 web --alias second --ip 10.71.2.50
get http://127.0.0.1:8080/; lookup asker second 10.71.2.1
# The way in goes with the network it led by, and comes again by the one that is left.
p network disconnect n1 web; soon http://127.0.0.1:8080/; get http://$outside:8080/; routes web
p network disconnect n2 web; dead http://127.0.0.1:8080/
p network connect n3 web; soon http://127.0.0.1:8080/; routes web
p network connect n1 web; p network disconnect n3 web; soon http://127.0.0.1:8080/; address web
section again; p network connect n1 web 2>&1 | grep -o 'already connected' | head -1
section unknown; p network connect n9 web >/dev/null 2>&1 && echo connected || echo refused

section order
r --name both --network n2:ip=10.71.2.60 --network n1:ip=10.71.1.60,mac=02:00:00:00:00:60 bb sh -c "$serve"
p exec both sh -c 'ip -o -4 addr show scope global | grep -o "inet [0-9./]*"' | sort
lookup both web 10.71.1.1; lookup asker both 10.71.2.1
section stopped
p stop -t0 both >/dev/null; lookup asker both 10.71.2.1
p network connect n3 both; p start both >/dev/null
p exec both sh -c 'ip -o -4 addr show scope global | grep -c "inet "'

section reloaded
wipe; dead http://127.0.0.1:8080/
p network reload web >/dev/null; soon http://127.0.0.1:8080/
wipe; p network reload --all >/dev/null 2>&1 || true; soon http://127.0.0.1:8080/
section names; lookup both web 10.71.1.1

section removed
p network rm n1 >/dev/null 2>&1 && echo gone || echo refused
p network rm -f n1 >/dev/null; p ps -a --format '{{.Names}}' | sort | tr '\n' ' '; echo
dead http://127.0.0.1:8080/
p rm -f -t0 -a >/dev/null; p network rm n2 n3 >/dev/null
p network ls --format '{{.Name}}'

section pod
p network create n4 --subnet 10.71.4.0/24 >/dev/null
p pod create --name box --infra-image bb --infra-command 'sleep 1000' -p 8087:80 --network n4 >/dev/null
r --pod box --name inpod bb sh -c "$serve"; r --pod box --name mate bb sleep 1000
r --name asker --network n4 bb sleep 1000
soon http://127.0.0.1:8087/; p exec mate sh -c "$(fetch 127.0.0.1)"; lookup asker box 10.71.4.1
p pod stop -t0 box >/dev/null; dead http://127.0.0.1:8087/
p pod start box >/dev/null; soon http://127.0.0.1:8087/
p pod rm -f -t0 box >/dev/null; dead http://127.0.0.1:8087/

section restarted
r --name fixed --network n4:ip=10.71.4.77,mac=02:00:00:00:00:77 -p 8088:80 bb sh -c "$serve"
p restart -t0 fixed >/dev/null; soon http://127.0.0.1:8088/; lookup asker fixed 10.71.4.1
p exec fixed cat /sys/class/net/eth0/address

section killed
# The watcher dies, the container goes on and is taken down whole; then all of them at once.
kill -9 $(p inspect fixed --format '{{.State.ConmonPid}}'); sleep 0.1
soon http://127.0.0.1:8088/; lookup asker fixed 10.71.4.1
p rm -f -t0 fixed >/dev/null; dead http://127.0.0.1:8088/
r --name twice --network n4 -p 8088:80 bb sh -c "$serve"; soon http://127.0.0.1:8088/
kill -9 $(p inspect twice asker --format '{{.State.ConmonPid}} {{.State.Pid}}'); sleep 0.2
r --name heir --network n4 -p 8089:80 bb sh -c "$serve"; soon http://127.0.0.1:8089/
# podman finds out at the first try that they are dead.
until_true 20 p rm -f -t0 -a; p ps -aq | wc -l

section failed
p run --rm --network n4 -p 8091:80 bb nosuch >/dev/null 2>&1 && echo ran || echo refused
p run --rm --network n4 --ip 10.9.9.9 bb true >/dev/null 2>&1 && echo ran || echo refused
r --name later --network n4 -p 8091:80 bb sh -c "$serve"; soon http://127.0.0.1:8091/

section addressed
# Of the host, by either family.
p network create six --ipv6 --subnet 10.71.6.0/24 --subnet fd00:71::/64 >/dev/null
r --name v6 --network six --ip6 fd00:71::66 -p "[2001:db8:1::1]:8092:80" -p 198.51.100.1:8093:80 bb sh -c "$serve"
soon "http://[2001:db8:1::1]:8092/"; soon http://$outside:8093/; dead http://127.0.0.1:8093/
section any; r --name any --network six -p 0.0.0.0:8094:80 bb sh -c "$serve"; soon http://$outside:8094/

section hairpin
# A container asks for its own published port, by the host's address.
p exec v6 sh -c 'printf "GET / HTTP/1.0\r\n\r\n" | nc -w 3 198.51.100.1 8093 | busybox tail -1' || true

section seen
# What netavark's server does not know it asks the host's, and keeps the next one waiting.
for n in 7 8; do p network create n$n --subnet 10.71.$n.0/24 >/dev/null; done
r --name left --network n7 bb sleep 1000
r --name middle --network n7 --network n8 bb sleep 1000
ask middle left 10.71.8.1 || true

section pruned
p stop -t0 -a >/dev/null; p container prune -f >/dev/null; p ps -aq | wc -l
p system prune -f >/dev/null; p network prune -f >/dev/null; p network ls --format '{{.Name}}'
section left; picture | diff $W/before - || true
# Where a teardown has failed, netavark's name server stays, and our end of its pipes with it.
kill "$(cat /run/containers/networks/aardvark-dns/aardvark.pid)" 2>/dev/null || true
