. "$SCRIPTS/prepare.sh"
mount -t cgroup2 cgroup2 /sys/fs/cgroup
rm /opt/cni/bin/*; tsnet cni install --copy --conf-dir /etc/cni/net.d >/dev/null
cat > $W/containers.conf <<C
[containers]
default_ulimits = ["nofile=1024:4096", "nproc=1024:4096"]
[network]
network_backend = "cni"
cni_plugin_dirs = ["/opt/cni/bin"]
network_config_dir = "/etc/cni/net.d"
C
export CONTAINERS_CONF=$W/containers.conf
p() { podman --log-level=error --cgroup-manager=cgroupfs --events-backend=file --storage-driver=vfs --root /var/lib/containers/storage --runroot /run/podman "$@"; }
tar -C $W/image -c . | p import - bb >/dev/null 2>&1
p network create --subnet 10.77.0.0/24 web >/dev/null
p run -d --cgroups=disabled --name w1 --network web -p 8088:80 bb sh -c "$serve" >/dev/null
p run -d --cgroups=disabled --name w2 --network web --ip 10.77.0.9 --mac-address 02:00:00:00:00:77 bb sleep 1000 >/dev/null
section published; until_true 10 curl -fs --max-time 2 http://127.0.0.1:8088/; curl -fs --max-time 20 http://127.0.0.1:8088/
section neighbour; p exec w2 sh -c "$(fetch_soon 10.77.0.2)"
section inspect; p inspect w2 --format '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.MacAddress}}{{end}}'
section ls; tsnet ls
# The network that `tsnet cni install` has written is one of podman's, too.
section installed; p run --rm --cgroups=disabled --network tsnet-cni -p 8089:80 bb ip -o -4 addr show eth0
p rm -f -t0 w1 w2 >/dev/null
section after; tsnet ls -q; iptables-save | grep 'CNI-DN-' || true; ls /var/lib/cni/networks/web | grep '^10' || true
p network rm web >/dev/null
section links; ip -br link | grep -v '^lo ' || true
