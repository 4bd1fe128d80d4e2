# dockerd with a network of its own bridge driver and one of ours: $ROUNDS times a container joins and leaves each.
# Times are curl's of the API's answer, in seconds: the command around it is the same for both.
DRIVER=tsnet
. "$SCRIPTS/dockerd.sh"
start_tsnetd; start_docker
tar -C $W/image -c . | d import - bb >/dev/null
for name in base theirs; do d network create $name >/dev/null; done; n ours
r --name guest --network base bb sleep 1000
# Neither network is made or removed by the one who comes and goes.
for name in ours theirs; do r --name $name --network $name bb sleep 1000; done; until_true 10 sh -c 'tsnet ls | grep -q " ours "'
ask() { curl -s -o $W/answer -w '%{time_total} %{http_code}' --max-time 20 --unix-socket /run/docker.sock -H 'Content-Type: application/json' -d '{"Container":"guest"}' http://x/networks/$1/$2; }
pair() {
  joined=$(ask $1 connect); left=$(ask $1 disconnect)
  case "$joined $left" in *" 200 "*" 200") ;; *) cat $W/answer >&2; exit 1;; esac
  echo "$1 ${joined% *} ${left% *}"
}
pair ours >/dev/null; pair theirs >/dev/null
round=0
until [ $round -eq $ROUNDS ]; do
  round=$((round + 1))
  # Whoever joins again at once waits for what is left of the one before.
  sleep 0.05
  if [ $((round % 2)) -eq 0 ]; then pair ours; pair theirs; else pair theirs; pair ours; fi
done
grep '"text":"docker NetworkDriver' $W/tsnetd.log
