/**
 * Docker, Podman with its own netavark and ufw's kind of rules, or a real firewalld, on one host with tsnet, whoever comes
 * first: nobody loses traffic, nobody's policy is changed, and nothing of tsnet is left when it goes. firewalld that starts
 * flushes iptables, dockerd that starts has it reload, and neither dockerd nor podman puts its own rules back (tsnet does):
 * they come in that order. Reloads: 407, 426, 670.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { whole } from './chaos.ts'
import { engineLimitMs, sectionsOf } from './engines.ts'

needs(
  'root',
  'ip',
  'iptables',
  'nft',
  'veth',
  'bridge',
  'ipv6',
  'busybox',
  'curl',
  'docker',
  'firewalld',
  'podman',
  'netavark',
  'built',
)

const told = {
  reached: ['8080', '8090', '8070', 'plain gets out', 'web gets out'].join('\n'),
  check: 'ok: everything is as it was set up',
  left: ['policies as before', 'nothing of tsnet', '8090', '8070'].join('\n'),
}

/** Of iptables and ip6tables. dockerd's FORWARD drops where dockerd was the one to make the host a router. */
const policies = {
  ufw: ['INPUT DROP', 'FORWARD DROP', 'OUTPUT ACCEPT', 'INPUT DROP', 'FORWARD DROP', 'OUTPUT ACCEPT'],
  docker: [
    'INPUT ACCEPT',
    'FORWARD DROP',
    'OUTPUT ACCEPT',
    'INPUT ACCEPT',
    'FORWARD ACCEPT',
    'OUTPUT ACCEPT',
  ],
  none: [
    'INPUT ACCEPT',
    'FORWARD ACCEPT',
    'OUTPUT ACCEPT',
    'INPUT ACCEPT',
    'FORWARD ACCEPT',
    'OUTPUT ACCEPT',
  ],
}

describe('tsnet beside ufw or firewalld, dockerd and podman', () => {
  it.each<[order: string, firewall: string, whose: keyof typeof policies]>([
    ['tsnet docker podman ufw', 'nftables', 'ufw'],
    ['docker tsnet ufw podman', 'iptables', 'ufw'],
    ['ufw podman docker tsnet', 'iptables', 'ufw'],
    ['podman ufw docker tsnet', 'nftables', 'ufw'],
    ['tsnet firewalld docker podman', 'nftables', 'none'],
    ...(whole
      ? ([
          ['firewalld docker tsnet podman', 'iptables', 'docker'],
          ['firewalld tsnet docker podman', 'iptables', 'none'],
        ] satisfies [string, string, keyof typeof policies][])
      : []),
  ])(
    'loses nobody a packet in the order %s, with %s',
    { timeout: engineLimitMs },
    async (order, firewall, whose) => {
      await using lab = await createLab()
      const [host, far] = [await lab.host('host'), await lab.host('far')]
      await lab.wire(host, far, '198.51.100.0/24', { defaultRoute: 'first' })
      const scripts = `${repository}test/netns/engines`
      // Pids of another machine mean nothing in the pid namespace that ends with the script.
      await host.sh(`touch /run/far && mount --bind /proc/${far.pid}/ns/net /run/far`)
      const { stdout } = await host.run(
        ['unshare', '-mp', '--fork', '--mount-proc', 'sh', `${scripts}/beside.sh`],
        {
          env: { TSNET: `${repository}dist`, SCRIPTS: scripts, ORDER: order, FIREWALL: firewall },
          timeoutMs: engineLimitMs,
        },
      )
      expect(sectionsOf(stdout)).toEqual({
        ...told,
        policies: policies[whose].map((policy) => `-P ${policy}`).join('\n'),
      })
    },
  )
})
