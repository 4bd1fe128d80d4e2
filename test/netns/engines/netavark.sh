# The same podman with the netavark in $HELPERS: what is printed is compared with one table.
. "$SCRIPTS/podman-prepare.sh"

section published
r --name tcp -p 8080:80 bb sh -c "$serve"
r --name udp -p 5353:53/udp bb sleep 1000
pid=$(p inspect udp --format '{{.State.Pid}}')
nsenter -t $pid -n socat UDP-LISTEN:53,fork SYSTEM:'echo $SOCAT_PEERADDR' &
UDP=$!; until_true 10 sh -c "nsenter -t $pid -n cat /proc/net/udp /proc/net/udp6 | grep -q ':0035 '"
r --name bound -p 127.0.0.1:8081:80 bb sh -c "$serve"
r --name range -p 9000-9002:80-82 bb sh -c "$serve"
soon http://127.0.0.1:8080/; soon http://$outside:8080/; soon http://127.0.0.1:8081/; get http://$outside:8081/; soon http://$outside:9000/
section far; nsenter -t "$FAR" -n curl -fs --max-time 10 http://$outside:8080/ || echo no
section udp; for i in $(seq 30); do answer=$(echo x | nsenter -t "$FAR" -n socat -t 0.5 - UDP:$outside:5353 || true); [ -z "$answer" ] || break; sleep 0.3; done; echo "$answer"; kill $UDP
section taken; p run --rm -p 8080:80 bb true >/dev/null 2>$W/err && echo started || echo refused
section after; get http://127.0.0.1:8080/
p rm -f -t0 tcp udp bound range >/dev/null
section cleared; picture | diff $W/before - || true

section names
p network create one --subnet 10.70.1.0/24 >/dev/null; p network create two --subnet 10.70.2.0/24 >/dev/null
r --name web --network one:alias=www bb sh -c "$serve"
r --name client --network one bb sleep 1000
for name in web www web.dns.podman $(p ps -q -f name=web); do p exec client nslookup -type=a "$name" 2>&1 | grep -A1 'Name:' | tail -1; done
section unknown; p exec client nslookup -type=a nobody.dns.podman 2>&1 | grep -o 'NXDOMAIN' || true
section resolv; p exec client cat /etc/resolv.conf | grep -v "nameserver $(awk '/^nameserver/{print $2; exit}' /etc/resolv.conf)$" | head -2
section neighbour; p exec client sh -c "$(fetch_soon 10.70.1.2)"
section connected
p network connect two client
p exec client ip -o -4 addr show eth1 | grep -o 'inet [0-9.]*'
r --name other --network two bb sh -c "$serve"
p exec client nslookup -type=a other 2>&1 | grep -A1 'Name:' | tail -1
p network disconnect two client
p exec client ls /sys/class/net | grep -c eth1 || true
section reload; before=$(address web); p network reload web >/dev/null; [ "$(address web)" = "$before" ] && echo same
p exec client sh -c "$(fetch_soon 10.70.1.2)"
section restart; p restart -t0 web >/dev/null; p run --rm --network one bb sh -c "$(fetch_soon $(named web))"
section static
r --name fixed --network one --ip 10.70.1.77 --mac-address 02:00:00:00:00:77 bb sleep 1000
p inspect fixed --format '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.MacAddress}}{{end}}'
p exec fixed cat /sys/class/net/eth0/address
p rm -f -t0 web client other fixed >/dev/null

section internal
p network create closed --internal --subnet 10.70.3.0/24 >/dev/null
r --name in1 --network closed -p 8089:80 bb sh -c "$serve"
r --name in2 --network closed bb sleep 1000
p exec in2 ip route | grep -c default || true
p exec in2 sh -c "$(fetch_soon $(named in1))"
p exec in2 sh -c 'echo x | nc -w 1 198.51.100.2 80 && echo out || echo closed'
p rm -f -t0 in1 in2 >/dev/null

section ipv6
p network create six --ipv6 --subnet 10.70.4.0/24 --subnet fd00:70::/64 >/dev/null
r --name six1 --network six -p 8086:80 bb sh -c "$serve"
r --name six2 --network six bb sleep 1000
p exec six1 ip -o -6 addr show eth0 scope global | grep -o 'fd00:70::[0-9a-f]*/64'
p exec six2 nslookup -type=aaaa six1 2>&1 | grep -A1 'Name:' | tail -1
soon "http://[2001:db8:1::1]:8086/"
p rm -f -t0 six1 six2 >/dev/null

section isolated
p network create left --subnet 10.70.5.0/24 -o isolate=true >/dev/null; p network create right --subnet 10.70.6.0/24 -o isolate=true >/dev/null
r --name l --network left bb sh -c "$serve"; r --name x --network right bb sleep 1000
p exec x sh -c 'echo x | nc -w 1 10.70.5.2 80 && echo in || echo apart'
p rm -f -t0 l x >/dev/null

section modes
p run --rm --network none bb ls /sys/class/net
p run --rm --network host bb ls /sys/class/net | grep -c '^lo$'
r --name shared bb sh -c "$serve"; p run --rm --network container:shared bb sh -c "$(fetch_soon 127.0.0.1)"
p rm -f -t0 shared >/dev/null

section macvlan
p network create -d macvlan -o parent=$(ip -o -4 addr show | awk '/198.51.100.1/{print $2; exit}') --subnet 198.51.100.0/24 --gateway 198.51.100.2 mac >/dev/null
p run --rm --network mac --ip 198.51.100.50 bb sh -c 'ip -o -4 addr show eth0 | grep -o "inet [0-9./]*"; ip route | grep -o "default via [0-9.]* dev eth0"; ping -c1 -W10 198.51.100.2 >/dev/null && echo reached'

section pod
p pod create --name box --infra-image bb --infra-command 'sleep 1000' -p 8087:80 --network one >/dev/null 2>$W/err || cat $W/err
r --pod box --name inpod bb sh -c "$serve" || true
soon http://127.0.0.1:8087/
p pod rm -f -t0 box >/dev/null || true

section killed
r --name victim --network one -p 8090:80 bb sh -c "$serve"
soon http://127.0.0.1:8090/
slay $(p inspect victim --format '{{.State.ConmonPid}}')
p rm -f -t0 victim >/dev/null || true
r --name heir --network one -p 8090:80 bb sh -c "$serve"; soon http://127.0.0.1:8090/
p rm -f -t0 heir >/dev/null

section prune; p network prune -f | sort | tr '\n' ' '; echo
section left; picture | diff $W/before - || true
