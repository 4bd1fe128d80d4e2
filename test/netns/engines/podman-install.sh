# The README's example, then podman without what it has installed.
. "$SCRIPTS/prepare.sh"
mount -t cgroup2 cgroup2 /sys/fs/cgroup
for folder in /var/lib/tsnet /var/lib/cni; do mkdir -p $folder; mount -t tmpfs tmpfs $folder; done
cp /etc/containers/policy.json $W/
mount -t tmpfs tmpfs /etc/containers
cp $W/policy.json /etc/containers/
cat > /etc/containers/containers.conf <<C
[containers]
cgroups = "disabled"
default_ulimits = ["nofile=1024:4096", "nproc=1024:4096"]
C
podman() { command podman --log-level=error --cgroup-manager=cgroupfs --events-backend=file --storage-driver=vfs --root /var/lib/containers/storage --runroot /run/podman "$@"; }
tar -C $W/image -c . | podman import - busybox >/dev/null 2>&1
rm -rf /etc/containers/networks; find /etc/containers | sort > $W/before
section example
eval "$EXAMPLE"
section uninstalled
rm -rf /etc/containers/networks; find /etc/containers | sort | diff $W/before - && echo as before
podman run -d --name web busybox sleep 1000 >/dev/null
tsnet ls -q; ip link show master podman0 | grep -c veth
podman rm -f -t0 web >/dev/null
