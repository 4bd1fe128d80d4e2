#!/bin/sh
# A driver in any language: a pair without a bridge, the container's address routed to it (lib/drivers/README.md).
told=$(cat)
text() { printf '%s' "$told" | sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }
first() { printf '%s' "$told" | sed -n "s/.*\"$1\":\[\"\([^\"/]*\).*/\1/p"; }

case $1 in
  network)
    case $told in *'"metric"'*) echo 'there is no option "metric"' >&2; exit 1 ;; esac
    echo '{}'
    ;;
  endpoint)
    host=$(text hostIfname) inside=$(text ifname) address=$(first addresses) gateway=$(first gateways)
    cat <<END
{
  "host": [
    {
      "add": [
        "link add $host type veth peer name $inside address $(text mac) netns \$NETNS",
        "address add $gateway peer $address dev $host",
        "link set $host up"
      ],
      "remove": ["link delete $host"]
    },
    { "sysctl": "net/ipv4/conf/$host/proxy_arp", "value": "0" }
  ],
  "sandbox": [
    {
      "add": [
        "link set $inside up",
        "address add $address/32 dev $inside",
        "route add $gateway dev $inside",
        "route add default via $gateway dev $inside"
      ]
    }
  ]
}
END
    ;;
esac
