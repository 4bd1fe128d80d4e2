/**
 * What resolv.conf and hosts of a container say, as golden files: one for each
 * case, with what it follows from.
 *
 * @module
 */
import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type HostsWish, hostsLines, parseHosts, renderHosts } from '../../../lib/dns/hostsfile.ts'
import { parseResolvConf } from '../../../lib/dns/resolvconf.ts'
import { type ResolverPlace, resolverFile } from '../../../lib/dns/resolvfile.ts'
import type { Address } from '../../../lib/model/address.ts'

const folder = new URL('../../golden/files/', import.meta.url)

const host = `; of the host
nameserver 198.51.100.53
nameserver 127.0.0.1
nameserver fe80::1%eth0
search corp.example lab.example
options edns0 timeout:2
sortlist 198.51.100.0/24`

const nothing = { servers: [], search: [], options: [] }
const place = (rest: Partial<ResolverPlace>): ResolverPlace => ({
  mode: 'bridge',
  asked: nothing,
  own: [],
  closed: false,
  host,
  behindStub: '',
  ...rest,
})
const addresses = (...texts: string[]): readonly Address[] => texts as readonly string[] as readonly Address[]
const asked = (servers: string[], search: string[] = [], options: string[] = []): ResolverPlace['asked'] => ({
  servers: addresses(...servers),
  search,
  options,
})
const own = addresses('10.89.0.1', 'fd00:89::1')

const resolvConfs: Readonly<Record<string, ResolverPlace>> = {
  'bridge-own-server': place({ own }),
  'bridge-own-server-asked': place({ own, asked: asked(['192.0.2.53'], ['.'], ['ndots:2', 'rotate']) }),
  'bridge-without-server': place({}),
  'bridge-asked': place({ asked: asked(['192.0.2.53', 'fd00::53'], ['shop.example']) }),
  'bridge-behind-stub': place({
    host: 'nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch .\n',
    behindStub: 'nameserver 198.51.100.7\nnameserver fe80::7%eth0\n',
  }),
  'bridge-internal': place({ closed: true }),
  'bridge-host-without-file': place({ host: '' }),
  'host-as-it-is': place({ mode: 'host' }),
  'host-asked-server': place({ mode: 'host', asked: asked(['192.0.2.53']) }),
  'none-nothing': place({ mode: 'none' }),
  'none-asked': place({
    mode: 'none',
    asked: asked(['192.0.2.53'], ['a.example', 'b.example'], ['ndots:1']),
  }),
}

const web = { id: '8c1f6a0e2b77d1b7c0ffee', name: 'web', hostname: 'web.shop.example' }
const hosts = (rest: Partial<HostsWish>): HostsWish => ({
  own: web,
  addresses: addresses('10.89.0.2', 'fd00:89::2'),
  hosts: [{ name: 'host.containers.internal', address: '10.89.0.1' as Address }],
  links: [],
  others: [],
  inherited: [],
  ...rest,
})

const hostsFiles: Readonly<Record<string, HostsWish>> = {
  'bridge-new-file': hosts({}),
  'bridge-id-alone': hosts({ own: { id: 'db' }, hosts: [] }),
  'bridge-links': hosts({
    links: [
      {
        container: '9b1c',
        alias: 'sql',
        network: 'tsnet',
        names: ['sql', '9b1c', 'db'],
        addresses: addresses('10.89.0.3', 'fd00:89::3'),
        env: {},
      },
    ],
  }),
  'bridge-file-of-an-engine': hosts({
    others: parseHosts('127.0.0.1 localhost # as always\n\n10.89.0.9 db\n#x\n'),
  }),
  'host-inherits': hosts({
    addresses: [],
    hosts: [],
    inherited: parseHosts('127.0.0.1 localhost\n127.0.1.1 machine.example machine\n'),
  }),
  'host-called-as-the-machine': hosts({
    own: { id: 'machine' },
    addresses: [],
    hosts: [],
    inherited: parseHosts('127.0.0.1 localhost\n127.0.1.1 machine.example machine\n'),
  }),
  'none-alone': hosts({ addresses: [], hosts: [] }),
}

describe('a resolv.conf', () => {
  it.each(Object.entries(resolvConfs))('is written: %s', async (name, wish) => {
    const { text } = resolverFile(wish)
    await expect(text).toMatchFileSnapshot(new URL(`${name}.resolv.conf`, folder).pathname)
  })

  it.each(Object.entries(resolvConfs))('is told as it reads: %s', (_name, wish) => {
    const { says, text } = resolverFile(wish)
    expect(parseResolvConf(text)).toEqual(says)
  })
})

describe('a hosts file', () => {
  it.each(Object.entries(hostsFiles))('is written: %s', async (name, wish) => {
    const text = renderHosts(hostsLines(wish))
    await expect(text).toMatchFileSnapshot(new URL(`${name}.hosts`, folder).pathname)
    expect(renderHosts(parseHosts(text))).toBe(text)
  })
})

describe('the golden files', () => {
  it('are one for each case and no more', () => {
    const names = [
      ...Object.keys(resolvConfs).map((name) => `${name}.resolv.conf`),
      ...Object.keys(hostsFiles).map((name) => `${name}.hosts`),
    ]
    expect(readdirSync(folder).sort()).toEqual(names.sort())
  })
})
