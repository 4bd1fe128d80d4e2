# What happens around a dockerd with the driver of tsnet: who starts first, who goes away, who else is on the network.
DRIVER=tsnet
. "$SCRIPTS/dockerd.sh"
# dockerd is told the socket by a .spec file; it lies in a folder that a reboot would clear.
SOCKET=/run/drivers/tsnet.sock
mkdir -p /etc/docker/plugins; echo unix://$SOCKET > /etc/docker/plugins/tsnet.spec
addresses() { sed -n 's/^Address: \(10.*\)$/\1/p'; }

section first
# There is no dockerd yet: the driver does not wait for one.
start_tsnetd; answers; start_docker
tar -C $W/image -c . | d import - bb >/dev/null
first_round

section together
# One network of tsnet's: a container of dockerd, one of podman, one of a CNI runtime, each asking for the others.
HELPERS="$TSNET/podman" PODMAN_NETWORKS=/run/podman-networks PODMAN_STORAGE="--root /var/lib/containers/storage --runroot /run/podman"
. "$SCRIPTS/podman-conf.sh"
# podman refuses subnets that the host has a route to, so its network is told first; it exists with its first container.
p network create --subnet 10.65.0.0/24 front >/dev/null
tsnet network create front --subnet 10.65.0.0/24 >/dev/null
n --ipam-driver tsnet --ipam-opt network=front --subnet 10.65.0.0/24 -o network=front theirs
r --name dk --network theirs --dns 10.65.0.1 bb sleep 1000
# podman counts from the first address too, and knows nothing of dk's.
p run -d --name pd --network front bb sleep 1000 2>&1 | grep -o "10.65.0.2 on network front: held by" || true
p rm -f -t0 pd >/dev/null
p run -d --name pd --network front:ip=10.65.0.200 bb sleep 1000 >/dev/null
unshare -n sleep 1000 & box=$!
until_true 5 sh -c "[ \$(readlink /proc/$box/ns/net) != \$(readlink /proc/$$/ns/net) ]"
cni() { CNI_COMMAND=$1 CNI_CONTAINERID=cn CNI_NETNS=/proc/$box/ns/net CNI_IFNAME=eth0 CNI_PATH=/opt/cni/bin /opt/cni/bin/tsnet <<C
{"cniVersion": "1.0.0", "name": "front", "type": "tsnet", "names": true, "ipam": {"subnets": ["10.65.0.0/24"]}, "runtimeConfig": {"aliases": ["cn"]}}
C
}
cni ADD | jq -r '.ips[0].address'
until_true 10 sh -c 'tsnet ls | grep -q " dk "'
for name in pd cn; do d exec dk nslookup -type=a $name | addresses; done
for name in dk cn; do p exec pd nslookup -type=a $name | addresses; done
for name in dk pd; do nsenter -t $box -n busybox nslookup -type=a $name 10.65.0.1 | addresses; done
cni DEL; kill $box; p rm -f -t0 pd >/dev/null; p network rm front >/dev/null; d rm -f dk >/dev/null; d network rm theirs >/dev/null
# Docker is answered before dk is gone, and front has somebody until then.
until_true 10 sh -c '! tsnet ls -q | grep -q .'; tsnet network rm front >/dev/null

section overlap
# Docker leaves the choice of its pools to the driver, and does not know what others use.
n --subnet 10.60.0.0/24 -o com.docker.network.bridge.name=mine one
refused() { n "$@" 2>&1 | sed "s/ docker-[0-9a-f]*/ ID/g" || true; }
refused --ipam-driver tsnet --subnet 10.60.0.0/16 again
refused -o com.docker.network.bridge.name=mine again
refused --subnet 10.61.0.0/24 -o com.docker.network.bridge.name=lo again
d network ls -q -f name=again; tsnet network ls -q | grep -c docker

section busy
# Somebody holds the lock of the host: dockerd has its answer, which on a slow machine says no more than that, and all is as it was when it is asked again.
r --name web --network one -p 8080:80 bb sh -c "$serve"
exec 9>>/run/tsnet/locks/host; flock -x 9
d network create -d $DRIVER --subnet 10.66.0.0/24 later >$W/said 2>&1 && echo made || sed -n 's/this host was too busy to do it within 850 ms.*/locking \/run\/tsnet\/locks\/host: still held after 700 ms (another tsnet command is running: try again when it is done)/
  s/.*\(tsnet: .*\)/\1/p' $W/said
d rm -f web >/dev/null && echo removed
flock -u 9; exec 9>&-
until_true 10 sh -c '! tsnet ls -q | grep -q .' && echo gone
n --subnet 10.66.0.0/24 later; d network rm later

section rebooted
# What a reboot takes: processes, links, rules, /run. Docker tells nobody of its networks afterwards.
end KILL $TSNETD; rm -rf /run/tsnet /run/drivers; ip link del mine
for tool in iptables ip6tables; do $tool-save | grep -vi tsnet | $tool-restore; done
start_tsnetd; until_true 5 ip link show mine
r --name web --network one -p 8080:80 bb sh -c "$serve"; soon http://127.0.0.1:8080/

section away
# A dead socket file after a kill; a folder that somebody clears while we run.
end KILL $TSNETD; ls /run/drivers; start_tsnetd; rm -r /run/drivers; until_true 5 answers
again d run --rm --network one bb ping -c1 -W10 10.60.0.1 | grep -c 'bytes from'
# All are killed at once: dockerd forgets the endpoint, and tells nobody.
end KILL $TSNETD; rm -f $SOCKET; mkdir -p /run/drivers
end KILL $(cat /run/docker.pid); kill -9 $(pgrep -x containerd-shim) 2>/dev/null || true
start_tsnetd; start_docker; d rm -f web >/dev/null; d network rm one >/dev/null; until_true 10 sh -c '! tsnet ls -q | grep -q .'
section removed; left_over
