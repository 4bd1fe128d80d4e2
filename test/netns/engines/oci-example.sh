# The example of the README, as it stands, with $RUNTIME in the place of runc.
. "$SCRIPTS/prepare.sh"
mount -t cgroup2 cgroup2 /sys/fs/cgroup
# What a small test machine lacks: limits above its own, controllers of cgroups.
mkdir $W/tools; cat > $W/tools/runc <<T
#!/bin/sh
[ "\$1" != spec ] || {
  /usr/sbin/runc "\$@"
  jq 'del(.process.rlimits) | del(.linux.resources) | .mounts |= map(select(.destination != "/sys/fs/cgroup"))' \$3/config.json > $W/fresh
  exec mv $W/fresh \$3/config.json
}
exec $(command -v "$RUNTIME") --root /run/oci "\$@"
T
chmod +x $W/tools/runc; export PATH="$W/tools:$PATH"
cd $W
section example; bash -euc "$EXAMPLE"
section left; tsnet ls -q; ip -br link | grep -v '^lo ' || true; iptables-save | grep -i tsnet || true; ls /run/oci
