# A bare runtime ($RUNTIME: runc or crun) and the hook of tsnet: what README's example does, and what can go wrong.
. "$SCRIPTS/prepare.sh"
mount -t cgroup2 cgroup2 /sys/fs/cgroup
cd $W
# $1 name, $2 what its shell does.
bundle() {
  name=$1
  mkdir -p $name/rootfs; cp -a image/. $name/rootfs/
  (cd $name && runc spec)
  jq --arg line "$2" '.process.terminal = false | .process.args = ["sh", "-c", $line] | .hostname = "'$name'-host"
    | .annotations["run.oci.hooks.stderr"] = "'$W'/hook.err" | .root.readonly = true | del(.process.rlimits) | del(.linux.resources)
    | .mounts |= map(select(.destination != "/sys/fs/cgroup"))
    | .process.capabilities |= map_values(. + ["CAP_NET_RAW"])' < $name/config.json > $name/fresh && mv $name/fresh $name/config.json
}
r() { $RUNTIME --root /run/oci "$@"; }
start() { r run -d --bundle $W/$1 $1 </dev/null >$W/$1.out 2>&1; }
# crun keeps what hooks say to itself, unless it is told a file.
said() { cat $W/db.out; cat $W/hook.err 2>/dev/null && rm $W/hook.err || true; }
stop() { r delete -f $1 >/dev/null 2>&1 || true; }

bundle web 'mkdir -p /tmp/www; echo hello > /tmp/www/index.html; httpd -f -h /tmp/www -p 80'
jq '.mounts += [{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}]' < web/config.json > web/fresh && mv web/fresh web/config.json
bundle db 'sleep 1000'
cp db/config.json $W/before.json
section patched; tsnet oci patch web -p 8088:80 --alias front; tsnet oci patch db/config.json
section started; start web && start db && echo yes || cat *.out
section published; until_true 10 curl -fs --max-time 2 http://127.0.0.1:8088/; curl -fs --max-time 20 http://127.0.0.1:8088/
section named; r exec db sh -c "$(fetch_soon front)"; r exec web nslookup db | sed -n 's/^Address.*: //p' | grep '^10\.'
section files; r exec db cat /etc/resolv.conf /etc/hosts | grep -v '^#'
section ls; tsnet ls; tsnet port web
# Hooks are calls of the daemon, which the first of them has started.
section served; tsnet daemon status --json | jq -r '.calls | keys[] | select(startswith("hooks/"))'
section refused; tsnet oci patch db -p 8088:80 >/dev/null; stop db; start db || true; said; r list -q
section none; ls /run/oci; tsnet ls -q
section misspelt
jq '.annotations["net.tsnet.publsh"] = "1:1"' < db/config.json > db/fresh && mv db/fresh db/config.json
start db || true; said
section defaults
tsnet network create back --subnet 10.99.0.0/24 >/dev/null
echo '{"network": "back:alias=sql", "publish": ["5432:5432"]}' > /etc/tsnet/hooks.json
tsnet oci patch db >/dev/null; start db; tsnet ls --json | jq -r '.[] | select(.container.id == "db") | .attachments[] | "\(.network) \(.addresses[0]) \(.aliases[0]) \(.ports[0].hostPort)"'
section killed
slay $(r state db | jq .pid); stop db; tsnet ls -q
section unpatched
tsnet oci patch --remove db >/dev/null; diff $W/before.json db/config.json && ls db
stop web
section after
tsnet network rm back >/dev/null
tsnet ls -q; ip -br link | grep -v '^lo ' || true; iptables-save | grep -i tsnet || true
section rootfs; cd web/rootfs && find . -newer $W/before.json -type f -size +0
