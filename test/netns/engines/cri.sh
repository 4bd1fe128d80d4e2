. "$SCRIPTS/prepare.sh"
mount -t tmpfs tmpfs /sys/fs/cgroup
while IFS=: read -r _ controllers _; do
  [ -n "$controllers" ] || continue
  mkdir -p "/sys/fs/cgroup/${controllers#name=}"; mount -t cgroup -o "$controllers" cgroup "/sys/fs/cgroup/${controllers#name=}"
done < /proc/self/cgroup
mkdir -p /run/netns; mount -t tmpfs tmpfs /run/netns
# Every plugin of the list, and loopback, says what it is called with before it is called.
for name in $PLUGINS loopback; do
  rm /opt/cni/bin/$name
  cat > /opt/cni/bin/$name <<P
#!/bin/sh
input=\$(cat)
flock $W/calls.lock printf '{"plugin":"$name","command":"%s","id":"%s","ifname":"%s","netns":"%s","args":"%s","path":"%s","config":%s}\n' \
  "\$CNI_COMMAND" "\$CNI_CONTAINERID" "\$CNI_IFNAME" "\$CNI_NETNS" "\$CNI_ARGS" "\$CNI_PATH" "\$input" >> $W/calls
printf %s "\$input" | exec "$TSNET/cni/$name"
P
  chmod +x /opt/cni/bin/$name
done
echo "$CONFLIST" > /etc/cni/net.d/10-test.conflist
cat > $W/config.toml <<C
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "docker.io/library/pause:latest"
disable_apparmor = true
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/opt/cni/bin"
conf_dir = "/etc/cni/net.d"
C
start_containerd() {
  containerd -c $W/config.toml >> $W/log 2>&1 &
  containerd=$!
  until_true 20 ctr version
}
start_containerd
cd $W; tar -C image -cf layer.tar .
layer=$(sha256sum layer.tar | cut -d' ' -f1)
echo "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Cmd\":[\"sleep\",\"1000\"],\"Env\":[\"PATH=/bin\"]},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:$layer\"]}}" > config
config=$(sha256sum config | cut -d' ' -f1).json; mv config $config
echo "[{\"Config\":\"$config\",\"RepoTags\":[\"docker.io/library/pause:latest\"],\"Layers\":[\"layer.tar\"]}]" > manifest.json
tar -cf image.tar $config manifest.json layer.tar
ctr -n k8s.io image import image.tar >/dev/null
cri() { (cd "$ROOT" && "$NODE" --import "$LOADER" test/netns/agents/cri.ts "$@") || { tail -5 $W/log >&2; return 1; }; }
# The image reaches the CRI service a moment after its import.
run_pod() { tries=100; until : > $W/calls; pod=$(cri run "$1" 2>$W/why); do tries=$((tries - 1)); [ $tries -gt 0 ] || { cat $W/why >&2; return 1; }; sleep 0.3; done; }
calls() { cat $W/calls; : > $W/calls; }
netns_of() { sed -n 's/.*"ifname":"eth0","netns":"\([^"]*\)".*/\1/p' $W/calls | head -1; }

run_pod web; first=$pod; netns=$(netns_of)
section run; calls
mkdir -p $W/www; echo hello > $W/www/index.html
nsenter --net="$netns" busybox httpd -h $W/www -p 80
section published; until_true 10 curl -fs --max-time 2 http://127.0.0.1:8080/; curl -fs --max-time 20 http://127.0.0.1:8080/
section limits; tc qdisc show | grep -o 'rate [0-9A-Za-z]*' | sort
section list; tsnet cni list
section listed; tsnet ns ls --json | jq -r --arg at "$netns" '.[] | select(any(.mounts[]; endswith($at | split("/") | last))) | [.engine, .name, .container.name, (.interfaces[] | select(.name == "eth0") | .addresses[0])] | join(" ")'
# containerd 1.6 calls neither CHECK nor GC: what CRI-O does is done here, with containerd's own notes.
section check; tsnet cni check k8s "$netns" --id "$first" --ifname eth0; calls
section stop; cri stop "$first"; cri stop "$first"; calls
section remove; cri remove "$first"; cri remove "$first"; calls
run_pod again; second=$pod; netns=$(netns_of); : > $W/calls
kill -KILL $containerd; wait $containerd 2>/dev/null || true
for pid in $(ctr_pids=$(ls /run/containerd/io.containerd.runtime.v2.task/k8s.io/*/init.pid 2>/dev/null); [ -z "$ctr_pids" ] || cat $ctr_pids); do kill -KILL $pid || true; done
# As containerd does it: somebody else's `tsnet ps` may have it open.
umount -l "$netns"; rm -f "$netns"
start_containerd
section gc; tsnet cni gc k8s; calls
section late; until_true 20 cri stop "$second"; cri remove "$second"; calls
# The limits are the host's end's, which the kernel takes away in its own time.
until_true 20 sh -c '! ip -br link show type veth | grep -q .'
section after; tsnet ls -q; tsnet cni list; ls /run/netns; iptables-save | grep -e 'CNI-DN-' -e 8080 || true; tc qdisc show | grep -o 'tbf\|ingress' || true
kill $containerd; wait $containerd 2>/dev/null || true
