. "$SCRIPTS/prepare.sh"
mount -t tmpfs tmpfs /sys/fs/cgroup
while IFS=: read -r _ controllers _; do
  [ -n "$controllers" ] || continue
  mkdir -p "/sys/fs/cgroup/${controllers#name=}"; mount -t cgroup -o "$controllers" cgroup "/sys/fs/cgroup/${controllers#name=}"
done < /proc/self/cgroup
if [ -n "$CONFLIST" ]; then echo "$CONFLIST" > /etc/cni/net.d/10-test.conflist
else rm /opt/cni/bin/*; tsnet cni install --conf-dir /etc/cni/net.d >/dev/null; fi
cat > $W/config.toml <<C
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "/run/containerd/containerd.sock"
C
containerd -c $W/config.toml > $W/log 2>&1 &
until_true 20 ctr version
cd $W; tar -C image -cf layer.tar .
layer=$(sha256sum layer.tar | cut -d' ' -f1)
echo "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Cmd\":[\"sh\"]},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:$layer\"]}}" > config
config=$(sha256sum config | cut -d' ' -f1).json; mv config $config
echo "[{\"Config\":\"$config\",\"RepoTags\":[\"docker.io/library/bb:latest\"],\"Layers\":[\"layer.tar\"]}]" > manifest.json
tar -cf image.tar $config manifest.json layer.tar
ctr image import image.tar >/dev/null
run="ctr run --cni --snapshotter native"
$run -d docker.io/library/bb:latest c1 sh -c "$serve"
# ctr drops what a program has printed that ends before it has begun to listen.
for n in 1 2 3 4 5 6 7 8 9 10; do
  address=$(ctr task exec --exec-id a$n c1 sh -c 'ip -o -4 addr show eth0; sleep 0.3' | sed 's/.*inet \([0-9.]*\).*/\1/')
  [ -z "$address" ] || break
done
section address; echo "$address"
section reached; until_true 10 curl -fs --max-time 2 "http://$address/"; curl -fs --max-time 20 "http://$address/"
section ls; tsnet ls
section second; $run --rm docker.io/library/bb:latest c2 sh -c "$(fetch_soon "$address"); ip -o -4 addr show eth0; sleep 0.3"
section afterSecond; tsnet ls -q
ctr task kill -s KILL c1; until_true 10 sh -c '! ctr task ls | grep -q RUNNING'; ctr container rm c1
# Until the kernel has taken its veth it counts as living.
until_true 20 sh -c '! ip -br link show type veth | grep -q .'
# `ctr run -d` never calls DEL: its namespace is gone, and whoever comes next clears it away.
section gc; tsnet gc >/dev/null; tsnet ls -q
