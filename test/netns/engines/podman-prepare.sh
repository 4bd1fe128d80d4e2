# Sourced by the scripts that compare netavarks: podman with the one in $HELPERS, in folders of its own.
. "$SCRIPTS/prepare.sh"
mount -t cgroup2 cgroup2 /sys/fs/cgroup
for folder in /var/lib/tsnet /var/lib/cni; do mkdir -p $folder; mount -t tmpfs tmpfs $folder; done
PODMAN_NETWORKS=/etc/podman-networks PODMAN_STORAGE="--root /var/lib/containers/storage --runroot /run/podman"
. "$SCRIPTS/podman-conf.sh"
# Detached:, because this machine's are hybrid.
r() { p run -d "$@" >/dev/null; }
get() { curl -fs --max-time 10 "$@" || echo "no ($?)"; }
soon() { until_true 5 curl -fs --max-time 1 "$1" || true; get "$@"; }
# What our rules, links and files look like, without what moves or stays with everybody.
picture() {
  ip -br link | awk '{print $1}' | sort
  for tool in iptables ip6tables; do $tool-save 2>/dev/null | grep '^-A' | sort || true; done
  nft list tables | grep -v 'filter$\|nat$\|raw$\|mangle$' || true
  ls -A /run/tsnet /run/containers/networks/aardvark-dns 2>/dev/null | grep -v 'aardvark.pid\|^tsnetd' || true
}
# What a firewall that is loaded anew does to the rules of others; in one step, or ours are back before it has ended.
wipe() {
  for tool in iptables ip6tables; do printf '*nat\nCOMMIT\n*filter\nCOMMIT\n' | $tool-restore; done
  nft flush ruleset
}
address() { p inspect "$1" --format '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' | sed 's/ *$//'; }
# netavark leaves its base chains behind, so the picture is taken after a first round.
r --name first bb sleep 1000; p rm -f -t0 first >/dev/null
picture > $W/before
outside=198.51.100.1
ask() { p exec "$1" nslookup -type=a "$2.dns.podman" $3 2>&1 | grep -A1 'Name:\|NXDOMAIN' | grep -o 'Address: .*\|NXDOMAIN' | sort; }
# CONTAINER NAME [SERVER]
lookup() { echo $(ask "$1" "$2" "${3-}" || true); }
# By name with ours; by address where the name server does not always answer (differences.md, 5).
named() { case "$HELPERS" in /usr/lib/podman) address "$1" ;; *) echo "$1" ;; esac; }
dead() { curl -fs --max-time 1 "$1" >/dev/null && echo answers || echo dead; }
routes() { p exec "$1" ip route | grep -o "default via [0-9.]* dev eth[0-9]" | sort | head -1; }
