# One host with everybody on it: Debian's dockerd with its own bridge and with networks of tsnet, podman, ip netns, a bare process.
DRIVER=tsnet
. "$SCRIPTS/dockerd.sh"
mkdir -p /run/containers; mount -t tmpfs tmpfs /run/containers
: > /etc/resolv.conf
start_tsnetd; start_docker
tar -C $W/image -c . | d import - bb >/dev/null
HELPERS="$TSNET/podman" PODMAN_NETWORKS=/run/podman-networks
. "$SCRIPTS/podman-conf.sh"
r --name plain -p 8090:80 bb sh -c "$serve"
n --subnet 10.60.0.0/24 shop
r --name dk --network shop -p 8080:80 -p 9000:99 bb sh -c "$serve"
p run -d --name pd -p 8070:80 bb sh -c "$serve" >/dev/null
tsnet network create extra --subnet 10.91.0.0/24 -q >/dev/null
ip netns add named
unshare -n sleep 1000 & box=$!
until_true 5 sh -c "[ \$(readlink /proc/$box/ns/net) != \$(readlink /proc/$$/ns/net) ]"
tsnet setup --pid $box --container-name web --network extra -q >/dev/null
unshare -n sleep 1001 & bare=$!
until_true 5 sh -c "[ \$(readlink /proc/$bare/ns/net) != \$(readlink /proc/$$/ns/net) ]"
until_true 10 sh -c 'tsnet ls | grep -q " dk "'

section namespaces
tsnet ns ls --json | jq -r --arg bare $bare '.[] | select(.own | not) | [.engine // "-", (if .name | endswith("(\($bare))") then "bare" else .name end), ([.interfaces[] | select(.name == "eth0") | .addresses[0], .bridge] | map(select(.)) | join(" "))] | join(" ")' | sed 's/br-[0-9a-f]*/BRIDGE/' | sort

section containers
tsnet ps --json | jq -r '.[] | [.engine, .name, ([.endpoints[].ports[] | "\(.hostPort)->\(.containerPort)"] | join(","))] | join(" ")' | sort

section doctor
tsnet doctor

section inside
for name in plain dk pd; do tsnet exec $name ip -br -4 addr show eth0 | awk '{print $3}'; done

section ports
# A connection that stays open while ports and networks of a container of dockerd come and go.
tsnet exec dk -- socat TCP-LISTEN:99 EXEC:cat &
until_true 5 sh -c 'tsnet exec dk -- ss -Hltn | grep -q :99'
: > /run/said; : > /run/heard
far sh -c "tail -f /run/said | socat - TCP:$outside:9000 > /run/heard" &
say() { echo $1 >> /run/said; until_true 5 grep -qx $1 /run/heard; }
say one
tsnet publish add dk 8081:80; far curl -fs --max-time 10 http://$outside:8081/
say two
tsnet network connect extra dk -q >/dev/null; tsnet exec dk ip -br -4 addr show eth1 | awk '{print $3}'
say three
tsnet network disconnect extra dk | sed 's/docker-[0-9a-f]*/shop/'; say four
tsnet publish rm dk 8081:80; far curl -fs --max-time 2 http://$outside:8081/ || echo closed
say five; get http://127.0.0.1:8080/
tsnet check

section guests
# A container on docker0, which tsnet has not connected: one more interface beside what it has, and none when it is over.
tsnet publish add plain 8082:80 2>&1 | sed 's/ and fd.*//'
far curl -fs --max-time 10 http://$outside:8082/; far curl -fs --max-time 10 http://$outside:8090/
tsnet publish rm plain 80 | grep -v :: ; far curl -fs --max-time 2 http://$outside:8082/ || echo closed
tsnet network connect extra plain -q >/dev/null; tsnet exec plain ip -br -4 addr show eth1 | awk '{print $3}'
tsnet exec plain ip -4 route show default | awk '{print $3}'
tsnet network disconnect extra plain; tsnet exec plain ip -br link show | awk '{print $1}' | sed 's/@.*//' | xargs
far curl -fs --max-time 10 http://$outside:8090/
tsnet ls --json | jq -r '.[].container.name' | sort | xargs
