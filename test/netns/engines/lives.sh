# Lives of podman's containers, with the netavark in $HELPERS: two networks, pods, restarts, deaths, failures, flushed rules, what is left of them.
. "$SCRIPTS/podman-prepare.sh"

section order
for n in 1 2 3; do p network create "n$n" --subnet 10.71.$n.0/24 >/dev/null; done
r --name web --network n1 bb sleep 1000; r --name asker --network n2 bb sleep 1000
r --name both --network n2:ip=10.71.2.60 --network n1:ip=10.71.1.60,mac=02:00:00:00:00:60 bb sh -c "$serve"
p exec both sh -c 'ip -o -4 addr show scope global | grep -o "inet [0-9./]*"' | sort
lookup both web 10.71.1.1; lookup asker both 10.71.2.1
section stopped
p stop -t0 both >/dev/null; lookup asker both 10.71.2.1
p network connect n3 both; p start both >/dev/null
p exec both sh -c 'ip -o -4 addr show scope global | grep -c "inet "'
p rm -f -t0 -a >/dev/null; p network rm n1 n2 n3 >/dev/null

section pod
p network create n4 --subnet 10.71.4.0/24 >/dev/null
p pod create --name box --infra-image bb --infra-command 'sleep 1000' -p 8087:80 --network n4 >/dev/null
r --pod box --name inpod bb sh -c "$serve"; r --pod box --name mate bb sleep 1000
r --name asker --network n4 bb sleep 1000
soon http://127.0.0.1:8087/; p exec mate sh -c "$(fetch_soon 127.0.0.1)"; lookup asker box 10.71.4.1
p pod stop -t0 box >/dev/null; dead http://127.0.0.1:8087/
p pod start box >/dev/null; soon http://127.0.0.1:8087/
p pod rm -f -t0 box >/dev/null; dead http://127.0.0.1:8087/

section restarted
r --name fixed --network n4:ip=10.71.4.77,mac=02:00:00:00:00:77 -p 8088:80 bb sh -c "$serve"
p restart -t0 fixed >/dev/null; soon http://127.0.0.1:8088/; lookup asker fixed 10.71.4.1
p exec fixed cat /sys/class/net/eth0/address

section killed
# The watcher dies, the container goes on and is taken down whole; then all of them at once.
slay $(p inspect fixed --format '{{.State.ConmonPid}}')
soon http://127.0.0.1:8088/; lookup asker fixed 10.71.4.1
p rm -f -t0 fixed >/dev/null; dead http://127.0.0.1:8088/
r --name twice --network n4 -p 8088:80 bb sh -c "$serve"; soon http://127.0.0.1:8088/
slay $(p inspect twice asker --format '{{.State.ConmonPid}} {{.State.Pid}}')
r --name heir --network n4 -p 8089:80 bb sh -c "$serve"; soon http://127.0.0.1:8089/
# podman finds out at the first try that they are dead.
until_true 20 p rm -f -t0 -a; p ps -aq | wc -l

section failed
p run --rm --network n4 -p 8091:80 bb nosuch >/dev/null 2>&1 && echo ran || echo refused
p run --rm --network n4 --ip 10.9.9.9 bb true >/dev/null 2>&1 && echo ran || echo refused
r --name later --network n4 -p 8091:80 bb sh -c "$serve"; soon http://127.0.0.1:8091/

section reloaded
r --name steady --network n4 --ip 10.71.4.90 bb sleep 1000
# Whether ours come back by themselves before is the watcher's business.
wipe
p network reload later >/dev/null; soon http://127.0.0.1:8091/
wipe; p network reload --all >/dev/null 2>&1 || true; soon http://127.0.0.1:8091/
section names; lookup later steady 10.71.4.1

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
