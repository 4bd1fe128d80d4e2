# Sourced by the scripts that compare netavarks: podman with the one in $HELPERS, in folders of its own.
. "$SCRIPTS/prepare.sh"
mount -t cgroup2 cgroup2 /sys/fs/cgroup
for folder in /var/lib/tsnet /var/lib/cni; do mkdir -p $folder; mount -t tmpfs tmpfs $folder; done
cat > $W/containers.conf <<C
[containers]
cgroups = "disabled"
default_ulimits = ["nofile=1024:4096", "nproc=1024:4096"]
[network]
network_backend = "netavark"
network_config_dir = "/etc/podman-networks"
C
mkdir -p /etc/podman-networks
export CONTAINERS_CONF=$W/containers.conf CONTAINERS_HELPER_BINARY_DIR="$HELPERS"
p() { podman --log-level=error --cgroup-manager=cgroupfs --events-backend=file --storage-driver=vfs --root /var/lib/containers/storage --runroot /run/podman "$@"; }
# Detached:, because this machine's are hybrid.
r() { p run -d "$@" >/dev/null; }
get() { curl -fs --max-time 2 "$@" || echo "no ($?)"; }
soon() { until_true 5 curl -fs --max-time 1 "$1" || true; get "$@"; }
# What our rules, links and files look like, without what moves or stays with everybody.
picture() {
  ip -br link | awk '{print $1}' | sort
  for tool in iptables ip6tables; do $tool-save 2>/dev/null | grep '^-A' | sort || true; done
  nft list tables | grep -v 'filter$\|nat$\|raw$\|mangle$' || true
  ls -A /run/tsnet /run/containers/networks/aardvark-dns 2>/dev/null | grep -v 'aardvark.pid\|^tsnetd' || true
}
# What a firewall that is loaded anew does to the rules of others.
wipe() {
  for tool in iptables ip6tables; do for table in nat filter; do $tool -t $table -F; $tool -t $table -X; done; done
  nft flush ruleset
}
address() { p inspect "$1" --format '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' | sed 's/ *$//'; }
tar -C $W/image -c . | p import - bb >/dev/null 2>&1
# netavark leaves its base chains behind, so the picture is taken after a first round.
r --name first bb sleep 1000; p rm -f -t0 first >/dev/null
picture > $W/before
outside=198.51.100.1

