/**
 * Examples of the commands that connect and disconnect.
 *
 * @module
 */

import type { Example } from './example.ts'

export const connectExamples: readonly Example[] = [
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
      'echo \'{"networks": [{"network": "shop"}], "publish": ["8443:443"]}\' |',
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
  {
    command: 'plan',
    about: 'the rules alone',
    script: ["tsnet plan --pid $PID -p 8080:80 --firewall nftables | grep -n 'nft -f'"],
    given: ['box'],
  },
]
