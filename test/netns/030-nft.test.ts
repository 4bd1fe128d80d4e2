/**
 * nft in this process and as a program, and what a backend requires of a machine.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { printerFor } from '../../lib/firewall/printer.ts'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { startRulesAgent } from './agents/rules-client.ts'
import { base, everyIntent } from './rulesbench.ts'

needs(
  'root',
  'ip',
  'nft',
  'iptables',
  'iptables-nft',
  'iptables-legacy',
  'conntrack',
  'socat',
  'veth',
  'ipv6',
)

const elements = {
  add: `add element inet demo ports { tcp . 80 comment "tsnet:a/eth0" : 10.0.0.2 . 8080, udp . 53 : 10.0.0.2 . 53 }
add element inet demo ranges { 8000-8999 : 10.0.0.2 . 8080 }
add element inet demo bridges { "br-a" comment "tsnet:a" }
`,
  remove: `delete element inet demo bridges { "br-a" }
delete element inet demo ranges { 8000-8999 }
delete element inet demo ports { udp . 53 }
delete element inet demo ports { tcp . 80 }
`,
}

const tables = async (host: Host): Promise<string[]> =>
  (await host.sh('nft -s list ruleset 2>/dev/null')).stdout.trimEnd().split('\n')

describe('nft in this process', () => {
  it('applies a batch and takes it back, without starting a process', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const rules = startRulesAgent(host)
    await rules.call('runNft', base)
    const before = await tables(host)
    await rules.call('runNft', elements.add)
    const between = await tables(host)
    expect(await rules.call('missingNft', base + elements.add)).toBe(false)
    await rules.call('revertNft', elements.remove)
    expect(await tables(host)).toEqual(before)
    expect(between).not.toEqual(before)
    expect(await rules.call('spawnCount')).toBe(0)
  })

  it('changes nothing when one statement of a batch fails, and says which', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const rules = startRulesAgent(host)
    await rules.call('runNft', base)
    const before = await tables(host)
    const error = await rules.errorOf(
      'runNft',
      `${elements.add}delete element inet demo bridges { "br-b" }\n`,
    )
    expect(error).toMatchObject({
      code: 'TSNET_PROGRAM_FAILED',
      message:
        'applying nftables rules: line 4: could not process rule: No such file or directory: ' +
        'delete element inet demo bridges { "br-b" }',
    })
    expect(await tables(host)).toEqual(before)
  })

  it('takes back what is there when part of it is gone', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const rules = startRulesAgent(host)
    await rules.call('runNft', base)
    const before = await tables(host)
    await rules.call('runNft', elements.add)
    await host.run(['nft', 'delete element inet demo ports { udp . 53 }'])
    expect(await rules.call('missingNft', elements.add)).toBe(true)
    await rules.call('revertNft', elements.remove)
    expect(await tables(host)).toEqual(before)
    await rules.call('revertNft', elements.remove)
    await host.run(['nft', 'delete table inet demo'])
    await rules.call('revertNft', elements.remove)
    expect(await tables(host)).toEqual([''])
  })

  it('removes all it can before it reports what it cannot', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const rules = startRulesAgent(host)
    await rules.call('runNft', base)
    await rules.call('runNft', elements.add)
    const remove = `delete chain inet demo first\n${elements.remove}delete map inet demo nothing\n`
    const error = await rules.errorOf('revertNft', remove)
    expect(error).toMatchObject({
      code: 'TSNET_PROGRAM_FAILED',
      message:
        'removing nftables rules: line 1: could not process rule: Device or resource busy: ' +
        'delete chain inet demo first',
    })
    expect(await rules.call('missingNft', base)).toBe(false)
    expect((await tables(host)).filter((line) => line.includes('elements'))).toEqual([])
  })

  it.each([
    ['an element', 'delete element inet demo ports { tcp . 80 }'],
    [
      'the value of an element',
      'delete element inet demo ports { tcp . 80 }; add element inet demo ports { tcp . 80 : 10.0.0.3 . 8080 }',
    ],
    ['a range', 'delete element inet demo ranges { 8000-8999 }'],
    ['a rule', 'flush chain inet demo second'],
    ['a chain', 'flush chain inet demo second; delete chain inet demo first'],
    ['everything', 'flush ruleset'],
  ])('sees that %s is missing', async (_, damage) => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const rules = startRulesAgent(host)
    await rules.call('runNft', base + elements.add)
    expect(await rules.call('missingNft', base + elements.add)).toBe(false)
    await host.run(['nft', damage])
    expect(await rules.call('missingNft', base + elements.add)).toBe(true)
  })

  it('finds each of many neighbouring prefixes, and misses the one that is gone', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const rules = startRulesAgent(host)
    const add = (family: 4 | 6, nth: number): string => {
      const prefix = family === 4 ? `10.89.${nth}.0/24` : `fd89:0:0:${nth + 1}::/64`
      const to = family === 4 ? `192.0.2.${nth}` : `2001:db8::${nth + 1}`
      return [
        `add element inet demo nets${family} { ${prefix} comment "n${nth}" }\n`,
        `add element inet demo ways${family} { ${prefix} comment "n${nth}" : ${to} }\n`,
      ].join('')
    }
    const all = ([4, 6] as const).flatMap((family) => [0, 1, 2, 3, 4].map((nth) => add(family, nth)))
    await rules.call(
      'runNft',
      `add table inet demo\n${([4, 6] as const)
        .map(
          (family) =>
            `add set inet demo nets${family} { type ipv${family}_addr; flags interval; counter; }\n` +
            `add map inet demo ways${family} { type ipv${family}_addr : ipv${family}_addr; flags interval; }\n`,
        )
        .join('')}`,
    )
    for (const one of all) await rules.call('runNft', one)
    for (const one of all) expect(await rules.call('missingNft', one)).toBe(false)
    await host.run(['nft', 'delete element inet demo ways4 { 10.89.1.0/24 }'])
    await host.run(['nft', 'delete element inet demo nets6 { fd89:0:0:3::/64 }'])
    await host.run(['nft', 'add element inet demo nets6 { fd89:0:0:3::/65 }'])
    const missing = await Promise.all(all.map((one) => rules.call('missingNft', one)))
    expect(all.filter((_, nth) => missing[nth])).toEqual([add(4, 1), add(6, 2)])
  })

  it('finds everything it printed itself, and takes it back to nothing', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const rules = startRulesAgent(host)
    const steps = everyIntent.flatMap((intent) => printerFor('nftables').print(intent))
    for (const step of steps) await rules.call('runNft', step.add)
    for (const step of steps)
      expect([step.add, await rules.call('missingNft', step.add)]).toEqual([step.add, false])
    for (const step of steps.toReversed()) await rules.call('revertNft', step.remove)
    expect(await tables(host)).toEqual([''])
    for (const step of steps)
      expect([step.add, await rules.call('missingNft', step.add)]).toEqual([step.add, true])
  })
})

describe('nft where the library cannot be loaded', () => {
  /** The program itself still finds a copy of the library, which we do not know of. */
  const hideLibrary = `
    lib=$(ldd /usr/sbin/nft | awk '/libnftables/ { print $3 }')
    mkdir /run/lib /run/bin; cp "$lib" /run/lib/libnftables.so.1
    printf '#!/bin/sh\nLD_LIBRARY_PATH=/run/lib exec /usr/sbin/nft "$@"\n' > /run/bin/nft; chmod +x /run/bin/nft
    mount --bind /dev/null "$(realpath "$lib")"`

  it('goes through the program: applies, sees, reports and takes back the same', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    await host.sh(hideLibrary)
    const rules = startRulesAgent(host, ['env', `PATH=/run/bin:${process.env['PATH']}`])
    await rules.call('requireBackend', 'nftables')
    await rules.call('runNft', base + elements.add)
    expect(await rules.call('spawnCount')).toBe(1)
    expect(await rules.call('missingNft', base + elements.add)).toBe(false)
    expect(await rules.errorOf('runNft', `${base}add rule inet demo nowhere accept\n`)).toMatchObject({
      code: 'TSNET_PROGRAM_FAILED',
      message:
        'applying nftables rules: line 9: could not process rule: No such file or directory: ' +
        'add rule inet demo nowhere accept',
    })
    await rules.call('revertNft', `delete map inet demo gone\n${elements.remove}`)
    expect(await rules.call('missingNft', elements.add)).toBe(true)
    expect(await rules.call('missingNft', base)).toBe(false)
  })

  it('and without the program is an error that names the package', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    await host.sh(`${hideLibrary}; rm /run/bin/nft; mount --bind /dev/null /usr/sbin/nft`)
    const rules = startRulesAgent(host)
    const missing = { code: 'TSNET_PROGRAM_MISSING', hint: 'apt-get install nftables' }
    expect(await rules.errorOf('requireBackend', 'nftables')).toMatchObject(missing)
    expect(await rules.errorOf('runNft', base)).toMatchObject(missing)
  })
})

describe('requirements', () => {
  it('are met by root on a host with everything installed', async () => {
    await using lab = await createLab()
    const rules = startRulesAgent(await lab.host('h1'))
    await rules.call('requireRoot')
    await rules.call('requireBackend', 'nftables')
    await rules.call('requireBackend', 'iptables')
    expect(await rules.call('spawnCount')).toBe(0)
  })

  it('are not met without iptables', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    await host.sh('mount --bind /dev/null /usr/sbin/xtables-nft-multi')
    const rules = startRulesAgent(host)
    expect(await rules.errorOf('requireBackend', 'iptables')).toMatchObject({
      code: 'TSNET_PROGRAM_MISSING',
      message: 'starting iptables-restore: no such program on the path',
      hint: 'apt-get install iptables',
    })
    expect(await rules.call('iptablesVariant')).toBeUndefined()
  })

  it.each([
    [
      ['setpriv', '--reuid', '65534', '--clear-groups'],
      'checking rights: not run by root',
      'run it with sudo',
    ],
    [
      ['setpriv', '--bounding-set', '-net_admin', '--inh-caps', '-net_admin'],
      'checking rights: not given CAP_NET_ADMIN',
      'the container or service tsnet runs in must be given them',
    ],
  ])('%j: not root enough', async (wrapper, message, hint) => {
    await using lab = await createLab()
    const rules = startRulesAgent(await lab.host('h1'), wrapper)
    expect(await rules.errorOf('requireRoot')).toMatchObject({ code: 'TSNET_NOT_ROOT', message, hint })
    expect(await rules.errorOf('runNft', base)).toMatchObject({ code: 'TSNET_NOT_PERMITTED' })
    const text = '*filter\n-A FORWARD -j ACCEPT\nCOMMIT\n'
    expect(await rules.errorOf('restore', 'iptables-nft', text)).toMatchObject({
      code: 'TSNET_NOT_PERMITTED',
    })
  })

  it('a held xtables lock is an error worth trying again', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1', { iptables: 'legacy' })
    const rules = startRulesAgent(host)
    await host
      .start(['flock', '/run/xtables.lock', 'sh', '-c', 'echo locked; exec sleep 60'])
      .waitFor('locked')
    const text = '*filter\n-A FORWARD -j ACCEPT\nCOMMIT\n'
    const busy = {
      code: 'TSNET_LOCK_TIMEOUT',
      retryable: true,
      message: 'iptables-restore: the xtables lock is busy',
    }
    expect(await rules.errorOf('restore', 'iptables', text)).toMatchObject(busy)
  })
})
