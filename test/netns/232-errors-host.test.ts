/**
 * What cannot be done on this host is refused on a host tsnet has never
 * touched: the whole text, the exit code, and not a trace.
 *
 * Mistakes beside a container that is there are in 070-cli, those about
 * addresses in 220-leases, about ports in 200-portmapping.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { refusalYard } from './refusals.ts'
import { leavesNothing } from './traceless.ts'

const yard = refusalYard()
const { refused, setup, tsnet } = yard

describe('a host', () => {
  it('that lacks a program the backend needs', async () => {
    await yard.host.sh('mount --bind /dev/null /usr/sbin/xtables-nft-multi')
    expect(await setup('--firewall', 'iptables')).toMatchInlineSnapshot(`
      "
      tsnet: starting iptables-restore: no such program on the path
        value: iptables-restore
        hint: apt-get install iptables
      exit 69
      "
    `)
    await yard.host.sh(
      'for file in /usr/sbin/nft /usr/lib/*/libnftables.so.1; do mount --bind /dev/null $(readlink -f $file); done',
    )
    expect(await setup('--firewall', 'nftables')).toMatchInlineSnapshot(`
      "
      tsnet: starting nft: no such program on the path
        value: nft
        hint: apt-get install nftables
      exit 69
      "
    `)
  })

  it('that has taken capabilities away, or is seen from a user namespace', async () => {
    const words = ['setup', '--netns', yard.box.netns]
    expect(
      await refused(['setpriv', '--inh-caps=-net_admin', '--bounding-set=-net_admin', ...tsnet, ...words]),
    ).toMatchInlineSnapshot(`
      "
      tsnet: checking rights: not given CAP_NET_ADMIN
        hint: the container or service tsnet runs in must be given them
      exit 77
      "
    `)
    expect(await refused(['unshare', '-U', '-r', ...tsnet, ...words])).toMatchInlineSnapshot(`
      "
      tsnet: opening network namespace NETNS: EACCES (permission denied)
        field: sandbox.path
        value: NETNS
        hint: run as root; it must be allowed to trace the process behind NETNS (ptrace(2))
      exit 77
      "
    `)
  })

  it('whose configuration is wrong', async () => {
    await yard.host.sh('echo \'{"firewal": "nftables"}\' > /etc/tsnet/config.json')
    expect(await setup()).toMatchInlineSnapshot(`
      "
      tsnet: reading /etc/tsnet/config.json: firewal cannot be used
        field: firewal
        value: nftables
        hint: known keys are firewall, publishAddress, dns, dnsPort, dnsWorkers, ownRules and drivers
      exit 2
      "
    `)
    await yard.host.sh('echo \'{"firewall": "ipfw"}\' > /etc/tsnet/config.json')
    expect(await setup()).toMatchInlineSnapshot(`
      "
      tsnet: reading /etc/tsnet/config.json: firewall cannot be used
        field: firewall
        value: ipfw
        hint: use iptables, nftables or none
      exit 2
      "
    `)
    await yard.host.sh("echo '{' > /etc/tsnet/config.json")
    expect(await setup()).toMatchInlineSnapshot(`
      "
      tsnet: reading /etc/tsnet/config.json: line 2, column 1: a key in double quotes is expected
        hint: mend the JSON there; "jq . FILE" checks it
      exit 2
      "
    `)
    await yard.host.sh('rm /etc/tsnet/config.json; mkdir /etc/tsnet/config.json')
    expect(await setup()).toMatchInlineSnapshot(`
      "
      tsnet: reading /etc/tsnet/config.json: it is a folder
        value: /etc/tsnet/config.json
        hint: mend or remove /etc/tsnet/config.json
      exit 69
      "
    `)
    expect(await refused([...tsnet, 'setup', '--config', '/etc'])).toMatchInlineSnapshot(`
      "
      tsnet: reading --config: /etc is a folder
        field: --config
        value: /etc
        hint: give a readable file, or -
      exit 2
      "
    `)
    await yard.host.sh('rmdir /etc/tsnet/config.json')
  })

  it('whose state folder cannot be written, or is full', async () => {
    expect(await setup('--state-dir', '/proc/tsnet')).toMatchInlineSnapshot(`
      "
      tsnet: writing /proc/tsnet: ENOENT: no such file or directory, mkdir '/proc/tsnet'
        hint: nothing can be made there: choose another folder with --state-dir
      exit 69
      "
    `)
    expect(await setup('--state-dir', '/etc/hostname')).toMatchInlineSnapshot(`
      "
      tsnet: using the state folder /etc/hostname: it is no folder
        value: /etc/hostname
        hint: choose another folder with --state-dir
      exit 69
      "
    `)
    expect(await refused([...tsnet, '--state-dir', '/etc/hostname', 'ls'])).toMatchInlineSnapshot(`
      "
      tsnet: using the state folder /etc/hostname: it is no folder
        value: /etc/hostname
        hint: choose another folder with --state-dir
      exit 69
      "
    `)
    expect(await refused([...tsnet, '--state-dir', '/etc/hostname/a/b', 'ls'])).toMatchInlineSnapshot(`
      "
      tsnet: using the state folder /etc/hostname/a/b: it is no folder
        value: /etc/hostname/a/b
        hint: choose another folder with --state-dir
      exit 69
      "
    `)
    await yard.host.sh(
      'mkdir /run/small; mount -t tmpfs -o size=4k,mode=700 tmpfs /run/small; head -c 4096 /dev/zero > /run/small/x',
    )
    expect(await setup('--state-dir', '/run/small')).toMatchInlineSnapshot(`
      "
      tsnet: writing /run/small/boot: ENOSPC: no space left on device, write
        hint: make room there, or choose another folder with --state-dir
      exit 69
      "
    `)
  })

  it('whose records were changed by hand says so once, keeps them aside and goes on', async () => {
    await leavesNothing(yard.host, async () => {
      const env = { TSNET_FIREWALL: 'nftables' }
      const record = '/run/tsnet/containers/c1.json'
      await yard.host.tsnet('setup', '--netns', yard.box.netns, '--id', 'c1', { env })
      await yard.host.sh(`cp ${record} /run/c1; echo "{" > ${record}`)
      const { stderr, stdout } = await yard.host.tsnet('ls', '--quiet')
      expect({ stderr, stdout }).toEqual({
        stderr: `tsnet: reading ${record}: Expected property name or '}' in JSON at position 2; what it held stays held until "tsnet teardown" of that container; it is kept as ${record}.unreadable\n`,
        stdout: '',
      })
      expect(await yard.host.tsnet('ls', '--quiet')).toMatchObject({ stderr: '', stdout: '' })
      await yard.host.sh(`mv /run/c1 ${record}; rm ${record}.unreadable`)
      await yard.host.tsnet('teardown', 'c1')
    })
  })
})
