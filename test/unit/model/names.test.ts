import { describe, expect, it } from 'vitest'
import {
  attachmentOwner,
  bridgeName,
  endpointAlias,
  hostIfname,
  ifnameFault,
  isContainerName,
  isHostname,
  isIfname,
  isNetworkName,
  networkAlias,
} from '../../../lib/model/names.ts'

const container = { containerId: '3f2a90', network: 'web', ifname: 'eth0' }

describe('names of host links', () => {
  it('begin with the container name and end with a hash, in 15 bytes', () => {
    const names = [
      hostIfname({ ...container, containerName: 'database-primary' }),
      hostIfname({ ...container, containerName: 'My.App_1' }),
      hostIfname({ ...container, containerName: '-café-' }),
      hostIfname(container),
      hostIfname({ ...container, containerName: '日本' }),
      hostIfname({ ...container, containerId: '', containerName: '' }),
    ]
    expect(names).toEqual([
      'database-4861d',
      'my-app_1-4861d',
      'caf-4861d',
      '3f2a90-4861d',
      '3f2a90-4861d',
      expect.stringMatching(/^tsnet-[0-9a-f]{5}$/),
    ])
    expect(names.filter((name) => name.length > 15 || !isIfname(name))).toEqual([])
  })

  it('differ by container, network, interface and attempt, and are the same every time', () => {
    const names = [
      hostIfname(container),
      hostIfname({ ...container, containerId: '3f2a91', containerName: '3f2a90' }),
      hostIfname({ ...container, network: 'db' }),
      hostIfname({ ...container, ifname: 'eth1' }),
      hostIfname(container, { attempt: 1 }),
    ]
    expect(new Set(names).size).toBe(names.length)
    expect(hostIfname(container, { attempt: 0 })).toBe(names[0])
  })

  it('of bridges are tsnet0 for the default network, else readable and hashed', () => {
    expect(['tsnet', 'web', 'frontend.internal', '0_0'].map(bridgeName)).toEqual([
      'tsnet0',
      'ts-web-4b5e5',
      'ts-fronte-ae1c5',
      'ts-0_0-87194',
    ])
  })
})

describe('link aliases', () => {
  it('say which network or container a link belongs to', () => {
    expect([
      networkAlias('web'),
      endpointAlias({ containerId: '3f2a90', ifname: 'eth0', containerName: 'db' }),
      endpointAlias({ containerId: '3f2a90', ifname: 'eth0' }),
      attachmentOwner('3f2a90', 'eth0'),
    ]).toEqual(['tsnet:network/web', 'tsnet:3f2a90/eth0 db', 'tsnet:3f2a90/eth0 3f2a90', '3f2a90/eth0'])
  })

  it('of a container are never those of a network', () => {
    expect(endpointAlias({ containerId: 'network', ifname: 'eth0' })).not.toBe(networkAlias('eth0'))
  })

  it('are cut at 255 bytes between characters', () => {
    const alias = endpointAlias({
      containerId: 'c'.repeat(128),
      ifname: 'eth0',
      containerName: 'é'.repeat(100),
    })
    expect(new TextEncoder().encode(alias).length).toBe(254)
    expect(alias.endsWith('éé')).toBe(true)
  })
})

describe('names that are taken from others', () => {
  it('of interfaces fit the kernel, rules and /proc/sys', () => {
    expect(['eth0', 'a', 'my_if.100', 'x'.repeat(15), 'lo'].filter((name) => !isIfname(name))).toEqual([])
    const bad = [
      '',
      '.',
      '..',
      'a/b',
      'a b',
      'a:1',
      'a%',
      'x'.repeat(16),
      'é',
      '-a',
      'a"',
      'eth+',
      'all',
      'default',
      'a\n',
    ]
    expect(bad.filter(isIfname)).toEqual([])
  })

  it('of interfaces that do not fit come with the reason', () => {
    expect([ifnameFault(''), ifnameFault('ééééééééé'), ifnameFault('all')]).toEqual([
      'is empty',
      'is 18 bytes long, the kernel takes 15',
      'is reserved by the kernel',
    ])
  })

  it('of networks and containers are safe as file names', () => {
    const good = ['web', 'Web_1.x-y', '0', 'a'.repeat(128)]
    const bad = ['', '.', '..', '.a', '-a', 'a/b', 'a b', 'a\n', 'é', 'a'.repeat(129), 'a\0']
    expect([good.every(isContainerName), good.every(isNetworkName)]).toEqual([true, true])
    expect([...bad.filter(isContainerName), ...bad.filter(isNetworkName)]).toEqual([])
  })

  it('of networks are none of the words that mean a mode', () => {
    expect(['host', 'none', 'bridge', 'default', 'container', 'tsnet'].filter(isNetworkName)).toEqual([
      'tsnet',
    ])
  })

  it('of hosts are labels of at most 63 characters, 253 in all', () => {
    const good = ['db', 'a.b.c', 'my_db', 'x'.repeat(63), 'A-1', '1.2.3.4']
    const bad = [
      '',
      '.',
      'a.',
      '.a',
      'a..b',
      '-a',
      'a-',
      'x'.repeat(64),
      'a b',
      'a\n',
      `${'x.'.repeat(126)}xx`,
    ]
    expect(good.filter((name) => !isHostname(name))).toEqual([])
    expect(bad.filter(isHostname)).toEqual([])
  })
})
