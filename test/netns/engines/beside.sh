# One host with ufw's kind of rules or firewalld, Debian's dockerd, podman with its own netavark, and tsnet with tsnetd, in the
# order $ORDER says.
DRIVER=bridge
. "$SCRIPTS/dockerd.sh"
mkdir -p /run/containers; mount -t tmpfs tmpfs /run/containers
: > /etc/resolv.conf
export TSNET_FIREWALL=$FIREWALL

begin_ufw() {
  for tool in iptables ip6tables; do
    $tool -N ufw-before-input; $tool -A ufw-before-input -i lo -j ACCEPT
    $tool -A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
    $tool -N ufw-before-forward; $tool -A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
    $tool -A INPUT -j ufw-before-input; $tool -A FORWARD -j ufw-before-forward
    $tool -P INPUT DROP; $tool -P FORWARD DROP
  done
}
begin_firewalld() {
  firewalld --nofork --nopid >> $W/firewalld.log 2>&1 &
  until_true 30 firewall-cmd --state
}
begin_docker() {
  start_docker
  tar -C $W/image -c . | d import - bb >/dev/null
  r --name plain -p 8090:80 bb sh -c "$serve"
}
begin_podman() {
  HELPERS=/usr/lib/podman PODMAN_NETWORKS=/run/podman-networks
  . "$SCRIPTS/podman-conf.sh"
  p run -d --name pd -p 8070:80 bb sh -c "$serve" >/dev/null
}
begin_tsnet() {
  tsnet daemon run >> $W/tsnetd.log 2>&1 & TSNETD=$!
  until_true 10 test -S /run/tsnet/tsnetd.sock
  unshare -n sleep 1000 & box=$!
  until_true 5 sh -c "[ \$(readlink /proc/$box/ns/net) != \$(readlink /proc/$$/ns/net) ]"
  tsnet setup --pid $box --container-name web -p 8080:80 -q >/dev/null
  nsenter -t $box -n chroot $W/image sh -c "$serve" >/dev/null 2>&1 &
}
policies() { for tool in iptables ip6tables; do $tool -S | grep '^-P'; done; }
# Behind ufw's FORWARD policy of DROP podman's port was not reached from outside: it is asked from the host itself.
reached() {
  for port in $*; do
    case $port in 8070) from= at=127.0.0.1 ;; *) from=far at=$outside ;; esac
    until_true 2 $from curl -fs --max-time 1 -o /dev/null http://$at:$port/ && echo $port || echo $port is lost
  done
}

# As on a host with systemd, the bus is there before everybody.
case $ORDER in *firewalld*) mkdir -p /run/dbus; dbus-daemon --system --fork ;; esac
for who in $ORDER; do begin_$who; done

section reached
reached 8080 8090 8070
in_ plain ping -c 1 -W 10 198.51.100.2 >/dev/null && echo plain gets out || echo plain does not get out
nsenter -t $box -n ping -c 1 -W 10 198.51.100.2 >/dev/null && echo web gets out || echo web does not get out

section check
tsnet check

section policies
policies > $W/policies; cat $W/policies

section left
tsnet teardown web -q >/dev/null
kill $TSNETD; until_true 10 sh -c "! test -e /run/tsnet/tsnetd.sock"
policies | diff $W/policies - && echo policies as before
{ iptables-save; ip6tables-save; nft list ruleset; ip -br link; } 2>/dev/null | grep -i tsnet || echo nothing of tsnet
reached 8090 8070
