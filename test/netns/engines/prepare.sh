# Sourced by the engine scripts: a busybox image, folders of their own, cgroups.
# Runs in a throwaway host, in a pid namespace that ends with the script.
set -eu
export PATH="$TSNET/bin:$PATH:/usr/sbin:/sbin"
for folder in /var/lib/containers /var/lib/containerd /etc/cni /opt/cni /run/containerd; do
  mkdir -p "$folder"; mount -t tmpfs tmpfs "$folder"
done
mkdir -p /etc/cni/net.d /opt/cni/bin
cp "$TSNET"/cni/* /opt/cni/bin/
W=/run/work; mkdir -p $W/image/bin
cp "$(command -v busybox)" $W/image/bin/busybox
for name in sh ip ping nslookup wget httpd nc seq cat ls sleep hostname echo mkdir; do ln -s busybox $W/image/bin/$name; done
for folder in etc tmp var proc sys dev run; do mkdir -p $W/image/$folder; done
serve='mkdir -p /www; echo hello > /www/index.html; httpd -f -h /www -p 80'

# $1 seconds, then a command that is tried until it succeeds; on a busy machine three times as long.
until_true() {
  left=$(($1 * 30)); shift
  until "$@" >/dev/null 2>&1; do left=$((left - 1)); [ $left -gt 0 ] || { echo "gave up: $*" >&2; return 1; }; sleep 0.1; done
}
# SIGKILL for these, and waits for their end: nobody need have waited for them yet.
slay() {
  kill -9 "$@"
  for pid; do until_true 20 sh -c "! kill -0 $pid 2>/dev/null || grep -q '^State:.Z' /proc/$pid/status"; done
}
# What stands between == NAME == lines is what the test looks at.
section() { echo "== $1 =="; }
# A shell line that gets the page at address $1; wget of a static busybox crashes.
fetch() { printf 'printf "GET / HTTP/1.0\\r\\n\\r\\n" | nc -w 3 %s 80 | busybox tail -1' "$1"; }
# The same of a server that is just starting.
fetch_soon() { printf 'for n in $(seq 50); do page=$(%s); [ -z "$page" ] || break; sleep 0.3; done; echo "$page"' "$(fetch "$1")"; }
