# A host that boots: dockerd before the driver, with systemd's socket and without; and what a restart of a container leaves.
DRIVER=tsnet
. "$SCRIPTS/dockerd.sh"
# Everything of tsnet's below one folder; nothing of it elsewhere.
export TSNET_STATE_DIR=/run/elsewhere
start_tsnetd; start_docker
tar -C $W/image -c . | d import - bb >/dev/null
first_round
n --subnet 10.60.0.0/24 one; n --subnet 10.61.0.0/24 two
r --name web --restart always --network one -p 8080:80 bb sh -c "$serve"; r --name once --network one bb sleep 1000
soon http://127.0.0.1:8080/

# From network $2 to $1, and its ports with it. That the driver was too busy for the ports stands in dockerd's log alone.
move() {
  for n in $(seq 20); do
    seen=$(wc -l < $W/dockerd.log); c $1 web; d network disconnect $2 web
    tail -n +$((seen + 1)) $W/dockerd.log | grep -q 'too busy to do it within' || return 0
    c $2 web; d network disconnect $1 web
  done
}

section restarted
# Ports that were added are those of a run; the next one has what docker run has said.
until_true 10 sh -c 'tsnet ls | grep -q " web "'
tsnet publish add web 8081:80; get http://127.0.0.1:8081/
again d restart -t 0 web >/dev/null; soon http://127.0.0.1:8080/; get http://127.0.0.1:8081/
until_true 10 tsnet port web 80; tsnet publish add web 8081:80; get http://127.0.0.1:8081/
# The way out moves to another network and back, and the ports with it.
move two one; get http://127.0.0.1:8080/
until_true 10 sh -c 'tsnet port web | grep -q 8080'; tsnet port web
move one two; get http://127.0.0.1:8080/
tsnet check

shut_down() { end TERM $(cat /run/docker.pid); end TERM $TSNETD; }
start_again() { SAID=$(wc -l < $W/dockerd.log); start_docker; }
# Whether dockerd had to try more than once.
waited() { tail -n +$((SAID + 1)) $W/dockerd.log | grep -q 'plugin.*, retrying in'; }
running() { [ -n "$(d ps -q -f name=$1)" ]; }
section activated
# As tsnet-docker.socket has it: the socket is there, and the driver is started by the first call.
shut_down
systemd-socket-activate --fdname=docker -l $SOCKET "$NODE" "$TSNET/bin/tsnet" daemon run --docker-socket $SOCKET --state-dir $TSNET_STATE_DIR >> $W/tsnetd.log 2>&1 &
TSNETD=$!; until_true 5 test -S $SOCKET; [ -e $TSNET_STATE_DIR/tsnetd.pid ] || echo waiting
start_again; waited || echo in time
running web && soon http://127.0.0.1:8080/; running once || echo ended

section stranded
# Nobody answers for 15 s: dockerd gives its containers up, and says why. They run as soon as the driver is there.
shut_down; rm -f $SOCKET
start_again; waited && echo waited; running web || d inspect web --format '{{.State.Error}}'
start_tsnetd; until_true 20 running web; soon http://127.0.0.1:8080/; running once || echo ended
section removed
d rm -f web once >/dev/null; d network rm one two >/dev/null
left_over; found "find /run/tsnet /var/lib/tsnet -mindepth 1"; found "find $TSNET_STATE_DIR/networks $TSNET_STATE_DIR/containers -name *json*"
