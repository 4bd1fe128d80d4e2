# Sourced by the docker scripts: dockerd with networks of $DRIVER (tsnet or bridge), and words for what they do.
# In a pid namespace that ends with the script; /run/far is the namespace of another machine.
. "$SCRIPTS/prepare.sh"
mount -t cgroup2 cgroup2 /sys/fs/cgroup
for folder in /var/lib/docker /var/lib/tsnet /etc/docker; do mkdir -p $folder; mount -t tmpfs tmpfs $folder; done
DOCKER=$(command -v /usr/bin/docker || command -v docker)
# Twenty containers go in one command.
d() { timeout 180 "$DOCKER" "$@"; }
# $LIVE: more words for dockerd. $SOCKET: where the driver listens.
LIVE=; SOCKET=/run/docker/plugins/tsnet.sock
start_docker() {
  rm -f /run/docker.pid
  /usr/sbin/dockerd -H unix:///run/docker.sock --data-root /var/lib/docker --exec-root /run/docker-exec -p /run/docker.pid \
    --storage-driver vfs --exec-opt native.cgroupdriver=cgroupfs --default-ulimit nofile=1024:4096 --default-ulimit nproc=1024:4096 $LIVE \
    >> $W/dockerd.log 2>&1 &
  until_true 30 d version || { tail -20 $W/dockerd.log >&2; exit 1; }
}
start_tsnetd() {
  [ "$DRIVER" = tsnet ] || return 0
  tsnet daemon run --docker-socket $SOCKET ${TSNET_STATE_DIR:+--state-dir $TSNET_STATE_DIR} >> $W/tsnetd.log 2>&1 &
  TSNETD=$!
  until_true 10 answers
}
answers() { curl -fs --max-time 1 --unix-socket $SOCKET -d '' http://x/Plugin.Activate; }
# $1 signal, $2 pid: and wait for its end.
end() { kill -$1 $2; until_true 20 sh -c "! kill -0 $2 2>/dev/null || grep -q '^State:.Z' /proc/$2/status"; }
# The driver gives up while dockerd still listens, and says so: whoever meets that on a busy machine asks again. Twenty at
# once may each meet it many times.
cat > $W/again <<A
again() {
  left=40 said=\$(mktemp $W/said.XXXXXX)
  until "\$@" 2>\$said; do
    left=\$((left - 1))
    if [ \$left = 0 ] || ! grep -q 'too busy to do it within\\|locking .* still held' \$said; then cat \$said >&2; return 1; fi
    sleep 1
  done
}
A
. $W/again
n() { again d network create -d $DRIVER "$@" >/dev/null; }
c() { again d network connect "$@"; }
# Shells and sleep do not listen to SIGTERM: nobody should wait ten seconds for them.
r() { id=$(d create --stop-signal KILL "$@") && again d start "$id" >/dev/null; }
get() { curl -fs --max-time 10 "$@" || echo "no ($?)"; }
soon() { until_true 5 curl -fs --max-time 1 "$1" || true; get "$@"; }
far() { nsenter --net=/run/far "$@"; }
address() { d inspect "$1" --format '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' | sed 's/ *$//'; }
in_() { name=$1; shift; d exec "$name" "$@"; }
# Whether the page of the second is to be had by the first: it should be, or not.
page() { in_ "$1" sh -c "$(fetch "$2")" 2>/dev/null | grep -q hello; }
reach() { until_true 3 page "$@" && echo hello || echo no; }
cut_off() { page "$@" && echo hello || echo no; }
pings() { until_true 3 in_ "$1" ping -c1 -W2 "$2"; }
# Rules, links and files, without those of dockerd itself.
picture() {
  ip -br link | awk '{print $1}' | sort
  for tool in iptables ip6tables; do $tool-save 2>/dev/null | grep '^-A' | sort || true; done
  nft list tables | grep -v 'filter$\|nat$\|raw$\|mangle$' || true
  ls -A /run/tsnet/containers /run/tsnet/pending /var/lib/tsnet/networks /var/lib/tsnet/docker 2>/dev/null || true
}
# dockerd leaves chains and docker0 behind, so the picture is taken after a first round; and that may be over a little after
# dockerd has its answer, as everything that is taken away.
first_round() {
  n first; again d run --rm --network first bb sleep 0; d network rm first >/dev/null
  until_true 10 sh -c '! ip -br link show type bridge | grep -q ^br-'
  until picture > $W/before; sleep 0.5; same; do :; done
}
same() { picture | diff $W/before - >/dev/null; }
# Docker is answered before all is done.
left_over() { until_true 10 same || true; picture | diff $W/before - || true; }
# $1 find's words; what it finds in the end.
found() { until_true 10 sh -c "! $1 2>/dev/null | grep -q ." || true; $1 2>/dev/null || true; }
outside=198.51.100.1
