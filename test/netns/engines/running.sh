# Podman on running containers, with the netavark in $HELPERS: networks come, go and are removed, ports move with them.
. "$SCRIPTS/podman-prepare.sh"

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

section removed
p network rm n1 >/dev/null 2>&1 && echo gone || echo refused
p network rm -f n1 >/dev/null; p ps -a --format '{{.Names}}' | sort | tr '\n' ' '; echo
dead http://127.0.0.1:8080/
p rm -f -t0 -a >/dev/null; p network rm n2 n3 >/dev/null
p network ls --format '{{.Name}}'

section left; picture | diff $W/before - || true
# Where a teardown has failed, netavark's name server stays, and our end of its pipes with it.
kill "$(cat /run/containers/networks/aardvark-dns/aardvark.pid)" 2>/dev/null || true
