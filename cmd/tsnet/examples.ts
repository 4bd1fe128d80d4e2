/**
 * The examples of the help, as data: test/netns runs every one of them in a
 * throwaway host, so what the help shows is true.
 *
 * @module
 */

export interface Example {
  /** The command it belongs to, such as `network create`. */
  readonly command: string
  readonly about: string
  /** Shell lines, run as they stand by `sh -e`; a line that ends in `&` gets the time a person takes for the next. */
  readonly script: readonly string[]
  /** What must be there before, in this order; not shown. */
  readonly given?: readonly Given[]
  readonly onRootPage?: boolean
}

/**
 * `box`: $PID is a process in an empty namespace; `web`: the same, set up under
 * that name on the default network with its port 80 published as 8080; `shop`:
 * a network.
 */
export type Given = 'box' | 'shop' | 'web'

export const examples: readonly Example[] = [
  {
    command: 'setup',
    about: 'a process in an empty namespace; its port 80 becomes port 8080 of this host',
    script: ['unshare -n sleep 1000 &', 'tsnet setup --pid $! --container-name web -p 8080:80'],
    onRootPage: true,
  },
  {
    command: 'setup',
    about: 'a namespace with a name, a chosen address, a port for this host alone',
    script: [
      'ip netns add db',
      'tsnet network create shop --subnet 10.90.0.0/24',
      'tsnet setup --name db --id db --network shop:ip=10.90.0.7,alias=sql \\',
      '  -p 127.0.0.1:5432:5432',
    ],
  },
  {
    command: 'setup',
    about: 'two networks; the default route over the second',
    script: ['tsnet setup --pid $PID --network shop --network bridge --default-route bridge'],
    given: ['shop', 'box'],
  },
  {
    command: 'setup',
    about: 'the same namespace as another container',
    script: ['tsnet setup --id sidecar --network container:web'],
    given: ['web'],
  },
  {
    command: 'setup',
    about: 'with its resolv.conf and hosts file, in which web is called front',
    script: [
      'unshare -n sleep 1000 &',
      'tsnet setup --pid $! --id shop --link web:front \\',
      '  --resolv-conf /run/shop.resolv --hosts /run/shop.hosts',
    ],
    given: ['web'],
  },
  {
    command: 'setup',
    about: 'the request as JSON',
    script: [
      `echo '{"networks": [{"network": "shop"}], "publish": ["8443:443"]}' |`,
      '  tsnet setup --pid $PID --config - --json',
    ],
    given: ['shop', 'box'],
  },
  {
    command: 'teardown',
    about: 'by name; a second time there is nothing to do, and that is no error',
    script: ['tsnet teardown web', 'tsnet teardown web'],
    given: ['web'],
    onRootPage: true,
  },
  {
    command: 'teardown',
    about: 'by the namespace it was set up with',
    script: ['tsnet teardown --pid $PID'],
    given: ['web'],
  },
  {
    command: 'teardown',
    about: 'several, or all there are; what others have made stays',
    script: ['tsnet teardown web db', 'tsnet teardown --all'],
    given: ['web'],
  },
  {
    command: 'plan',
    about: 'what would be done, as a shell script',
    script: ['tsnet plan --pid $PID -p 8080:80'],
    given: ['box'],
    onRootPage: true,
  },
  {
    command: 'plan',
    about: 'the same with nftables, and the predicted result as JSON',
    script: ['tsnet plan --pid $PID -p 8080:80 --firewall nftables --json'],
    given: ['box'],
  },
  { command: 'ls', about: 'what is connected', script: ['tsnet ls'], given: ['web'] },
  {
    command: 'ls',
    about: 'ids for a script',
    script: ['tsnet ls -q | xargs -r tsnet teardown'],
    given: ['web'],
  },
  {
    command: 'ps',
    about: 'containers with networks, addresses, ports and traffic',
    script: ['tsnet ps'],
    given: ['web'],
  },
  {
    command: 'ps',
    about: 'ids, one a line',
    script: ['tsnet ps -q'],
    given: ['web'],
  },
  {
    command: 'ps',
    about: 'for a program',
    script: ['tsnet ps --json'],
    given: ['web'],
  },
  {
    command: 'map',
    about: 'a tree of bridges and containers',
    script: ['tsnet map'],
    given: ['web'],
  },
  {
    command: 'map',
    about: 'a picture for a page',
    script: ['tsnet map --svg > /run/map.svg'],
    given: ['web'],
  },
  {
    command: 'map',
    about: 'a chart for a README',
    script: ['tsnet map --mermaid'],
    given: ['web'],
  },
  {
    command: 'route',
    about: 'where does a container send its packets?',
    script: ['tsnet route web'],
    given: ['web'],
  },
  {
    command: 'route',
    about: 'the same of this host',
    script: ['tsnet route host'],
    given: ['web'],
  },
  {
    command: 'route',
    about: 'for a program',
    script: ['tsnet route web --json'],
    given: ['web'],
  },
  {
    command: 'bridge show',
    about: 'bridges and who is behind each port',
    script: ['tsnet bridge show'],
    given: ['web'],
  },
  {
    command: 'bridge show',
    about: 'the bridge of one network',
    script: ['tsnet bridge show shop'],
    given: ['shop'],
  },
  {
    command: 'bridge show',
    about: 'names, one a line',
    script: ['tsnet bridge show -q'],
    given: ['web'],
  },
  {
    command: 'ipam who',
    about: 'who has this address?',
    script: ['tsnet ipam who 10.90.0.1'],
    given: ['shop'],
  },
  {
    command: 'ipam who',
    about: 'may I take it?',
    script: ['tsnet ipam who 10.90.0.77 || echo it is free'],
    given: ['shop'],
  },
  {
    command: 'ipam who',
    about: 'for a program',
    script: ['tsnet ipam who 127.0.0.1 --json'],
  },
  {
    command: 'ns ls',
    about: 'every namespace, whoever made it',
    script: ['tsnet ns ls'],
    given: ['web'],
  },
  {
    command: 'ns ls',
    about: 'as a list of net:[INODE]',
    script: ['tsnet ns ls -q'],
    given: ['web'],
  },
  {
    command: 'ns ls',
    about: 'for a program',
    script: ['tsnet ns ls --json'],
    given: ['web'],
  },
  {
    command: 'ns link',
    about: 'let ip netns enter a container',
    script: ['tsnet ns link web', 'ip netns exec web ip addr', 'tsnet ns link --undo'],
    given: ['web'],
  },
  {
    command: 'ns link',
    about: 'all containers at once',
    script: ['tsnet ns link', 'ip netns ls'],
    given: ['web'],
  },
  {
    command: 'ns link',
    about: 'take the links away',
    script: ['tsnet ns link --undo'],
    given: ['web'],
  },
  {
    command: 'exec',
    about: 'its addresses',
    script: ['tsnet exec web ip addr'],
    given: ['web'],
    onRootPage: true,
  },
  {
    command: 'exec',
    about: "behind -- everything is the program's",
    script: ['tsnet exec web -- ss -tln'],
    given: ['web'],
  },
  {
    command: 'exec',
    about: 'a process that no engine knows',
    script: ['tsnet exec --pid $PID -- ip route'],
    given: ['box'],
  },
  {
    command: 'sh',
    about: 'a shell in its network',
    script: ['tsnet sh web'],
    given: ['web'],
  },
  {
    command: 'sh',
    about: 'one line of it',
    script: ["tsnet sh web -- -c 'ip addr; cat /etc/resolv.conf'"],
    given: ['web'],
  },
  {
    command: 'sh',
    about: 'of a process',
    script: ["echo 'ip addr' | tsnet sh --pid $PID"],
    given: ['box'],
  },
  {
    command: 'nsenter',
    about: 'as nsenter would be called',
    script: ['tsnet nsenter -t $PID -n ip addr'],
    given: ['box'],
  },
  {
    command: 'nsenter',
    about: 'by name instead of pid',
    script: ['tsnet nsenter -t web -n ss -tln'],
    given: ['web'],
  },
  {
    command: 'nsenter',
    about: 'its files too',
    script: ['tsnet nsenter -t $PID -n -m ip addr'],
    given: ['box'],
  },
  { command: 'inspect', about: 'the whole record', script: ['tsnet inspect web'], given: ['web'] },
  {
    command: 'inspect',
    about: "its address, in Docker's words",
    script: ["tsnet inspect --format '{{.NetworkSettings.IPAddress}}' web"],
    given: ['web'],
  },
  {
    command: 'inspect',
    about: 'its addresses, one for each network',
    script: [
      "all='{{range .NetworkSettings.Networks}}{{println .IPAddress}}{{end}}'",
      'tsnet inspect web --format "$all"',
    ],
    given: ['web'],
  },
  { command: 'port', about: 'where is it published?', script: ['tsnet port web'], given: ['web'] },
  { command: 'port', about: 'where is its port 80?', script: ['tsnet port web 80/tcp'], given: ['web'] },
  {
    command: 'check',
    about: 'is all as it was set up?',
    script: ['tsnet check', 'tsnet check web'],
    given: ['web'],
  },
  { command: 'gc', about: 'clean up after a crash', script: ['tsnet gc'], given: ['web'] },
  {
    command: 'network create',
    about: 'a network with a subnet of its own choice',
    script: ['tsnet network create shop'],
    onRootPage: true,
  },
  {
    command: 'network create',
    about: 'both families, addresses given out from a part of it only',
    script: [
      'tsnet network create shop --subnet 10.90.0.0/24 --ip-range 10.90.0.128/25 \\',
      '  --aux-address printer=10.90.0.200 --subnet fd00:90::/64',
    ],
  },
  {
    command: 'network create',
    about: 'no way out; its containers cannot even reach each other',
    script: ['tsnet network create vault --internal -o icc=false'],
  },
  { command: 'network ls', about: 'all networks', script: ['tsnet network ls'], given: ['shop', 'web'] },
  {
    command: 'network inspect',
    about: 'who has which address?',
    script: ['tsnet network inspect shop'],
    given: ['shop'],
  },
  { command: 'network rm', about: 'remove it', script: ['tsnet network rm shop'], given: ['shop'] },
  {
    command: 'network prune',
    about: 'remove all that are unused',
    script: ['tsnet network prune'],
    given: ['shop'],
  },
  {
    command: 'network connect',
    about: 'web joins shop while it runs',
    script: ['tsnet network connect shop web'],
    given: ['shop', 'web'],
    onRootPage: true,
  },
  {
    command: 'network connect',
    about: 'with a name and an address of its own there',
    script: ['tsnet network connect shop web --alias front --ip 10.90.0.7'],
    given: ['shop', 'web'],
  },
  {
    command: 'network connect',
    about: 'from now on its way out leads by shop',
    script: ['tsnet network connect shop web --priority 1', 'tsnet route web'],
    given: ['shop', 'web'],
  },
  {
    command: 'network disconnect',
    about: 'and leaves it again; the default route moves back',
    script: ['tsnet network connect shop web --priority 1', 'tsnet network disconnect shop web'],
    given: ['shop', 'web'],
  },
  {
    command: 'network disconnect',
    about: 'off its first network: its published port moves to the other',
    script: ['tsnet network connect shop web', 'tsnet network disconnect bridge web', 'tsnet port web'],
    given: ['shop', 'web'],
  },
  {
    command: 'network disconnect',
    about: 'by the namespace it was set up with',
    script: ['tsnet network disconnect bridge --pid $PID'],
    given: ['web'],
  },
  {
    command: 'network update',
    about: 'its name server asks another one from now on',
    script: ['tsnet network update shop --dns 192.0.2.53'],
    given: ['shop'],
  },
  {
    command: 'network update',
    about: 'let other open networks talk to it',
    script: ['tsnet network update shop --isolate false'],
    given: ['shop'],
  },
  {
    command: 'network update',
    about: 'labels',
    script: ['tsnet network update shop --label team=red', 'tsnet network update shop --label-rm team'],
    given: ['shop'],
  },
  {
    command: 'publish add',
    about: 'one more port, while it runs',
    script: ['tsnet publish add web 8443:443'],
    given: ['web'],
    onRootPage: true,
  },
  {
    command: 'publish add',
    about: 'for this host alone, and a range of UDP ports',
    script: ['tsnet publish add web 127.0.0.1:9090:90 5000-5009:5000-5009/udp'],
    given: ['web'],
  },
  {
    command: 'publish add',
    about: 'on any free port',
    script: ['tsnet publish add web 443', 'tsnet port web'],
    given: ['web'],
  },
  {
    command: 'publish rm',
    about: 'close it',
    script: ['tsnet publish rm web 8080:80'],
    given: ['web'],
  },
  {
    command: 'publish rm',
    about: 'whatever leads to port 80',
    script: ['tsnet publish rm web 80'],
    given: ['web'],
  },
  {
    command: 'publish rm',
    about: 'a second time there is nothing to do, and that is no error',
    script: ['tsnet publish rm web 80', 'tsnet publish rm web 80'],
    given: ['web'],
  },
  { command: 'publish ls', about: 'all', script: ['tsnet publish ls'], given: ['web'] },
  { command: 'publish ls', about: 'of one container', script: ['tsnet publish ls web'], given: ['web'] },
  { command: 'publish ls', about: 'for a program', script: ['tsnet publish ls --json'], given: ['web'] },
  { command: 'prune', about: 'what nobody uses goes', script: ['tsnet prune'], given: ['shop', 'web'] },
  { command: 'prune', about: 'what went, for a script', script: ['tsnet prune -q'], given: ['shop'] },
  { command: 'prune', about: 'for a program', script: ['tsnet prune --json'], given: ['shop'] },
  {
    command: 'daemon run',
    about: 'in the foreground, until nobody has called for a second',
    script: ['tsnet daemon run --idle-exit 1 2>/run/tsnetd.json'],
  },
  { command: 'daemon start', about: 'for good', script: ['tsnet daemon start', 'tsnet daemon stop'] },
  { command: 'daemon stop', about: 'the next caller starts another', script: ['tsnet daemon stop'] },
  {
    command: 'daemon status',
    about: 'its pid, for a script',
    script: ['tsnet daemon start', 'tsnet daemon status -q', 'tsnet daemon stop'],
  },
  { command: 'daemon logs', about: 'the last calls', script: ['tsnet daemon logs | tail'] },
  {
    command: 'cni install',
    about: 'plugins and a configuration, in folders of your choice',
    script: ['tsnet cni install --dir /run/plugins --conf-dir /etc/cni/net.d'],
  },
  {
    command: 'cni add',
    about: 'a process in an empty namespace, with a published port',
    script: [
      'tsnet cni install --dir /run/plugins --conf-dir /etc/cni/net.d',
      'export CNI_PATH=/run/plugins',
      'tsnet cni add tsnet-cni /proc/$PID/ns/net \\',
      '  --cap \'{"portMappings": [{"hostPort": 8080, "containerPort": 80}]}\'',
    ],
    given: ['box'],
  },
  {
    command: 'cni del',
    about: 'a second time there is nothing to do, and that is no error',
    script: [
      'tsnet cni install --dir /run/plugins --conf-dir /etc/cni/net.d',
      'export CNI_PATH=/run/plugins',
      'tsnet cni add tsnet-cni /proc/$PID/ns/net --id web',
      'tsnet cni del tsnet-cni /proc/$PID/ns/net --id web',
      'tsnet cni del tsnet-cni /proc/$PID/ns/net --id web',
    ],
    given: ['box'],
  },
  {
    command: 'cni check',
    about: 'silent when all is well',
    script: [
      'tsnet cni install --dir /run/plugins --conf-dir /etc/cni/net.d',
      'export CNI_PATH=/run/plugins',
      'tsnet cni add tsnet-cni /proc/$PID/ns/net',
      'tsnet cni check tsnet-cni /proc/$PID/ns/net',
    ],
    given: ['box'],
  },
  {
    command: 'cni list',
    about: 'network, container, interface, addresses',
    script: [
      'tsnet cni install --dir /run/plugins --conf-dir /etc/cni/net.d',
      'export CNI_PATH=/run/plugins',
      'tsnet cni add tsnet-cni /proc/$PID/ns/net --id web',
      'tsnet cni list',
    ],
    given: ['box'],
  },
  {
    command: 'cni gc',
    about: 'after a crash of the engine',
    script: [
      'tsnet cni install --dir /run/plugins --conf-dir /etc/cni/net.d',
      'export CNI_PATH=/run/plugins',
      'tsnet cni gc tsnet-cni',
    ],
  },
  {
    command: 'cni status',
    about: 'for a script',
    script: [
      'tsnet cni install --dir /run/plugins --conf-dir /etc/cni/net.d',
      'export CNI_PATH=/run/plugins',
      'tsnet cni status tsnet-cni',
    ],
  },
  { command: 'dns ls', about: 'what is answered now', script: ['tsnet dns ls'], given: ['web'] },
  { command: 'dns query', about: 'where is web?', script: ['tsnet dns query web'], given: ['web'] },
  {
    command: 'dns explain',
    about: 'who would tell the container web where db is?',
    script: ['tsnet dns explain db.tsnet.internal --from web'],
    given: ['web'],
  },
  {
    command: 'dns route',
    about: "the office's names come from the office, for all; and no longer",
    script: ['tsnet dns route corp.example=10.1.1.53', 'tsnet dns route corp.example --remove'],
  },
  {
    command: 'dns conformance',
    about: "tsnet's own server",
    script: ['tsnet dns conformance 10.89.0.1 --known web'],
    given: ['web'],
  },
  {
    command: 'podman install',
    about: 'into a folder of your choice; without --dir for all podmans of this host',
    script: ['tsnet podman install --dir /run/conf.d', 'cat /run/conf.d/90-tsnet.conf'],
  },
  {
    command: 'podman uninstall',
    about: 'as it was before',
    script: ['tsnet podman install --dir /run/conf.d', 'tsnet podman uninstall --dir /run/conf.d'],
  },
  { command: 'podman status', about: 'which netavark does podman start?', script: ['tsnet podman status'] },
  {
    command: 'oci patch',
    about: 'runc run web, and its port 80 is port 8080 of this host',
    script: ['mkdir -p /run/web/rootfs', '(cd /run/web; runc spec)', 'tsnet oci patch /run/web -p 8080:80'],
  },
  { command: 'help', about: 'the flags of one command', script: ['tsnet help network create'] },
  { command: 'version', about: 'for a script', script: ['tsnet version --json'] },
]
