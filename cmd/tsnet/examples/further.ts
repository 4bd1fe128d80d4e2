/**
 * Further examples of commands whose first one is in examples.ts: three for each
 * is what a person learns from.
 *
 * @module
 */

import type { Example } from './example.ts'

export const furtherExamples: readonly Example[] = [
  {
    command: 'plan',
    about: 'the rules alone',
    script: ["tsnet plan --pid $PID -p 8080:80 --firewall nftables | grep -n 'nft -f'"],
    given: ['box'],
  },
  { command: 'ls', about: 'for a program', script: ['tsnet ls --json'], given: ['web'] },
  { command: 'port', about: 'for a program', script: ['tsnet port web --json'], given: ['web'] },
  {
    command: 'port',
    about: 'by the namespace it was set up with',
    script: ['tsnet port --pid $PID'],
    given: ['web'],
  },
  {
    command: 'network ls',
    about: 'names, one a line',
    script: ['tsnet network ls -q'],
    given: ['shop', 'web'],
  },
  { command: 'network ls', about: 'for a program', script: ['tsnet network ls --json'], given: ['shop'] },
  {
    command: 'network inspect',
    about: 'its gateway',
    script: ['tsnet network inspect shop | grep gateway'],
    given: ['shop'],
  },
  {
    command: 'network inspect',
    about: 'that of containers set up without --network',
    script: ['tsnet network inspect tsnet'],
    given: ['web'],
  },
  {
    command: 'network rm',
    about: 'several at once',
    script: ['tsnet network create lab', 'tsnet network rm shop lab'],
    given: ['shop'],
  },
  {
    command: 'network rm',
    about: 'what is not there is an error of its own',
    script: ['tsnet network rm shop', 'tsnet network rm shop 2>/run/why || grep shop /run/why'],
    given: ['shop'],
  },
  {
    command: 'network prune',
    about: 'the names of those removed',
    script: ['tsnet network prune -q'],
    given: ['shop'],
  },
  {
    command: 'network prune',
    about: 'for a program',
    script: ['tsnet network prune --json'],
    given: ['shop'],
  },
  { command: 'dns ls', about: 'names alone', script: ['tsnet dns ls -q'], given: ['web'] },
  { command: 'dns ls', about: 'for a program', script: ['tsnet dns ls --json'], given: ['web'] },
  {
    command: 'dns query',
    about: 'what does web see under its own name?',
    script: ['tsnet dns query web --from web'],
    given: ['web'],
  },
  {
    command: 'dns query',
    about: 'IPv6 addresses, for a program',
    script: ['tsnet dns query web --type AAAA --json'],
    given: ['web'],
  },
  { command: 'dns explain', about: 'as the host asks', script: ['tsnet dns explain web'], given: ['web'] },
  {
    command: 'dns explain',
    about: 'for a program',
    script: ['tsnet dns explain web --from web --json'],
    given: ['web'],
  },
  {
    command: 'dns route',
    about: 'for one container',
    script: ['tsnet dns route corp.example=10.1.1.53 --container web'],
    given: ['web'],
  },
  { command: 'dns route', about: 'which are there?', script: ['tsnet dns route --json'], given: ['web'] },
  {
    command: 'check',
    about: 'a script may ask',
    script: ['tsnet check web -q && echo all is well'],
    given: ['web'],
  },
  { command: 'check', about: 'for a program', script: ['tsnet check --json'], given: ['web'] },
  { command: 'gc', about: 'what was done, for a program', script: ['tsnet gc --json'], given: ['web'] },
  { command: 'gc', about: 'silently', script: ['tsnet gc -q'], given: ['web'] },
  {
    command: 'podman install',
    about: 'for a look: what would podman read?',
    script: ['tsnet podman install --dir /run/conf.d --json'],
  },
  {
    command: 'podman install',
    about: 'twice is as good as once',
    script: ['tsnet podman install --dir /run/conf.d', 'tsnet podman install --dir /run/conf.d'],
  },
  {
    command: 'podman uninstall',
    about: 'where nothing is installed',
    script: ['tsnet podman uninstall --dir /run/conf.d'],
  },
  {
    command: 'podman uninstall',
    about: 'for a program',
    script: ['tsnet podman uninstall --dir /run/conf.d --json'],
  },
  { command: 'podman status', about: 'for a program', script: ['tsnet podman status --json'] },
  {
    command: 'podman status',
    about: 'of a folder of your choice',
    script: ['tsnet podman install --dir /run/conf.d', 'tsnet podman status --dir /run/conf.d'],
  },
  {
    command: 'oci patch',
    about: 'its name, and another on the network',
    script: [
      'mkdir -p /run/web/rootfs',
      '(cd /run/web; runc spec)',
      'tsnet oci patch /run/web --container-name web --alias front',
    ],
  },
  {
    command: 'oci patch',
    about: 'and back',
    script: [
      'mkdir -p /run/web/rootfs',
      '(cd /run/web; runc spec)',
      'tsnet oci patch /run/web -p 8080:80',
      'tsnet oci patch /run/web --remove',
    ],
  },
  {
    command: 'daemon run',
    about: 'with more in its log',
    script: ['tsnet daemon run --idle-exit 1 --log-level debug 2>/run/tsnetd.json'],
  },
  {
    command: 'daemon run',
    about: 'at a socket of your choice',
    script: ['tsnet daemon run --idle-exit 1 --socket /run/my.sock 2>/run/tsnetd.json'],
  },
  {
    command: 'daemon start',
    about: 'a second time there is nothing to do',
    script: ['tsnet daemon start', 'tsnet daemon start -q', 'tsnet daemon stop'],
  },
  {
    command: 'daemon start',
    about: 'at a socket of your choice',
    script: ['tsnet daemon start --socket /run/my.sock', 'tsnet daemon stop --socket /run/my.sock'],
  },
  { command: 'daemon stop', about: 'after use', script: ['tsnet daemon start', 'tsnet daemon stop'] },
  { command: 'daemon stop', about: 'for a program', script: ['tsnet daemon stop --json'] },
  {
    command: 'daemon status',
    about: 'for people',
    script: ['tsnet daemon start', 'tsnet daemon status', 'tsnet daemon stop'],
  },
  {
    command: 'daemon status',
    about: 'for a program',
    script: ['tsnet daemon start', 'tsnet daemon status --json', 'tsnet daemon stop'],
  },
  {
    command: 'daemon logs',
    about: 'errors alone',
    script: ['tsnet daemon logs | grep \'"level":"error"\' || echo none'],
  },
  { command: 'daemon logs', about: 'how many lines are there?', script: ['tsnet daemon logs | wc -l'] },
  { command: 'help', about: 'all of a group', script: ['tsnet help network'] },
  { command: 'help', about: 'as a man page', script: ['tsnet help --man setup > /run/tsnet-setup.1'] },
  { command: 'version', about: 'for people', script: ['tsnet version'] },
  { command: 'version', about: 'the number alone', script: ['tsnet version -q'] },
  {
    command: 'dns conformance',
    about: 'for a program',
    script: ['tsnet dns conformance 10.89.0.1 --known web --json'],
    given: ['web'],
  },
  {
    command: 'dns conformance',
    about: 'only what went wrong',
    script: ['tsnet dns conformance 10.89.0.1 --known web | grep -v ok || echo nothing'],
    given: ['web'],
  },
  {
    command: 'cni install',
    about: 'and away again',
    script: ['tsnet cni install --dir /run/plugins', 'tsnet cni install --dir /run/plugins --uninstall'],
  },
  {
    command: 'cni install',
    about: 'copies, for a root file system that is packed later',
    script: ['tsnet cni install --dir /run/plugins --copy'],
  },
  {
    command: 'cni list',
    about: 'for a program',
    script: [
      'tsnet cni install --dir /run/plugins --conf-dir /etc/cni/net.d',
      'export CNI_PATH=/run/plugins',
      'tsnet cni list --json',
    ],
  },
  {
    command: 'cni list',
    about: 'before anything was added',
    script: [
      'tsnet cni install --dir /run/plugins --conf-dir /etc/cni/net.d',
      'export CNI_PATH=/run/plugins',
      'tsnet cni list',
    ],
  },
  {
    command: 'cni add',
    about: 'under an id, as eth1',
    script: [
      'tsnet cni install --dir /run/plugins --conf-dir /etc/cni/net.d',
      'export CNI_PATH=/run/plugins',
      'tsnet cni add tsnet-cni /proc/$PID/ns/net --id web --ifname eth1',
    ],
    given: ['box'],
  },
  {
    command: 'cni add',
    about: 'the result for a program',
    script: [
      'tsnet cni install --dir /run/plugins --conf-dir /etc/cni/net.d',
      'export CNI_PATH=/run/plugins',
      'tsnet cni add tsnet-cni /proc/$PID/ns/net --json',
    ],
    given: ['box'],
  },
  {
    command: 'cni del',
    about: 'by id alone',
    script: [
      'tsnet cni install --dir /run/plugins --conf-dir /etc/cni/net.d',
      'export CNI_PATH=/run/plugins',
      'tsnet cni add tsnet-cni /proc/$PID/ns/net --id web',
      'tsnet cni del tsnet-cni /proc/$PID/ns/net --id web',
    ],
    given: ['box'],
  },
  {
    command: 'cni del',
    about: 'what was never added',
    script: [
      'tsnet cni install --dir /run/plugins --conf-dir /etc/cni/net.d',
      'export CNI_PATH=/run/plugins',
      'tsnet cni del tsnet-cni /proc/$PID/ns/net --id nobody',
    ],
    given: ['box'],
  },
  {
    command: 'cni check',
    about: 'of a container that was added by id',
    script: [
      'tsnet cni install --dir /run/plugins --conf-dir /etc/cni/net.d',
      'export CNI_PATH=/run/plugins',
      'tsnet cni add tsnet-cni /proc/$PID/ns/net --id web',
      'tsnet cni check tsnet-cni /proc/$PID/ns/net --id web',
    ],
    given: ['box'],
  },
  {
    command: 'cni check',
    about: 'for a script',
    script: [
      'tsnet cni install --dir /run/plugins --conf-dir /etc/cni/net.d',
      'export CNI_PATH=/run/plugins',
      'tsnet cni add tsnet-cni /proc/$PID/ns/net',
      'tsnet cni check tsnet-cni /proc/$PID/ns/net && echo as it was',
    ],
    given: ['box'],
  },
  {
    command: 'cni gc',
    about: 'all networks of another folder',
    script: [
      'tsnet cni install --dir /run/plugins --conf-dir /etc/cni/net.d',
      'export CNI_PATH=/run/plugins',
      'tsnet cni gc tsnet-cni --conf-dir /etc/cni/net.d',
    ],
  },
  {
    command: 'cni gc',
    about: 'twice is as good as once',
    script: [
      'tsnet cni install --dir /run/plugins --conf-dir /etc/cni/net.d',
      'export CNI_PATH=/run/plugins',
      'tsnet cni gc tsnet-cni',
      'tsnet cni gc tsnet-cni',
    ],
  },
  {
    command: 'cni status',
    about: 'ready?',
    script: [
      'tsnet cni install --dir /run/plugins --conf-dir /etc/cni/net.d',
      'export CNI_PATH=/run/plugins',
      'tsnet cni status tsnet-cni && echo ready',
    ],
  },
  {
    command: 'cni status',
    about: 'with plugins of another folder',
    script: [
      'tsnet cni install --dir /run/plugins --conf-dir /etc/cni/net.d',
      'export CNI_PATH=/run/plugins',
      'tsnet cni status tsnet-cni --bin-dir /run/plugins',
    ],
  },
]
