/**
 * Resolver files and links of an engine on the memory kernel.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import {
  type ContainerNetwork,
  decodeCreateNetwork,
  decodeSetupRequest,
  type Engine,
  engineOn,
} from '../../../lib/index.ts'
import { createMemoryKernel, type MemoryKernel } from '../../../lib/kernel/memory/memory.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

const hostFiles = {
  '/etc/resolv.conf': 'nameserver 198.51.100.53\nsearch corp.example\n',
  '/etc/hosts': '127.0.0.1 localhost\n127.0.1.1 machine\n',
}

interface Yard {
  readonly kernel: MemoryKernel
  readonly engine: Engine
  readonly file: (path: string) => string | undefined
  readonly setUp: (rest: object, name?: string) => Promise<ContainerNetwork>
}

async function yard(
  files: Readonly<Record<string, string>> = {},
  failAt: (path: string) => boolean = () => false,
): Promise<Yard> {
  const kernel = createMemoryKernel({
    host: { files: { ...hostFiles, ...files } },
    onStep: (step, phase) => {
      if (step.kind === 'file' && phase === 'after' && failAt(step.path)) throw new Error('as asked')
    },
  })
  const stateDir = mkdtempSync(join(tmpdir(), 'tsnet-files-'))
  folders.push(stateDir)
  kernel.addSandbox('/proc/self/ns/net', { own: true })
  for (const name of ['web', 'db', 'far']) kernel.addSandbox(`/run/netns/${name}`)
  const engine = await engineOn(kernel, { stateDir, firewall: 'nftables' })
  return {
    kernel,
    engine,
    file: (path) => kernel.hostText(path),
    setUp: (rest, name = 'web') =>
      engine.setup(decodeSetupRequest({ sandbox: `/run/netns/${name}`, container: { id: name }, ...rest })),
  }
}

const resolver = { resolvConf: '/box/resolv.conf', hostsFile: '/box/hosts' }

const refusal = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    ({ code, field, message, hint }) => `${code} ${field} | ${message} | ${hint}`,
  )

describe('files of a container', () => {
  it('say its servers and names, are told in the result, and go with it', async () => {
    const { kernel, engine, file, setUp } = await yard()
    const before = kernel.dump()
    const { resolver: told } = await setUp({ resolver, hosts: ['db:192.0.2.7'] })
    expect(told).toEqual({
      servers: ['198.51.100.53'],
      search: ['corp.example'],
      options: [],
      hosts: [
        { name: 'db', address: '192.0.2.7' },
        { name: 'host.containers.internal', address: expect.any(String) },
      ],
      ...resolver,
    })
    expect(file('/box/resolv.conf')).toBe('# made by tsnet\nnameserver 198.51.100.53\nsearch corp.example\n')
    expect(file('/box/hosts')?.split('\n')).toEqual([
      '# made by tsnet',
      '# tsnet begin web',
      '127.0.0.1\tlocalhost',
      '::1\tlocalhost ip6-localhost ip6-loopback',
      expect.stringMatching(/^\d+\.\d+\.\d+\.\d+\tweb$/),
      expect.stringMatching(/^fd[\da-f:]+\tweb$/),
      '192.0.2.7\tdb',
      expect.stringMatching(/^\S+\thost\.containers\.internal$/),
      '# tsnet end web',
      '',
    ])
    await engine.teardown({ container: 'web' })
    expect([file('/box/resolv.conf'), file('/box/hosts')]).toEqual([undefined, undefined])
    expect(kernel.dump().match(/^file .*/gm)).toEqual(before.match(/^file .*/gm))
  })

  it('that an engine has made are given back as they were', async () => {
    const theirs = { '/box/resolv.conf': 'nameserver 192.0.2.1\n', '/box/hosts': '127.0.0.1 localhost' }
    const { engine, file, setUp } = await yard(theirs)
    await setUp({ resolver })
    expect(file('/box/resolv.conf')).not.toBe(theirs['/box/resolv.conf'])
    expect(file('/box/hosts')?.startsWith('127.0.0.1 localhost\n# tsnet begin web\n')).toBe(true)
    await engine.teardown({ container: 'web' })
    expect({ '/box/resolv.conf': file('/box/resolv.conf'), '/box/hosts': file('/box/hosts') }).toEqual(theirs)
  })

  it('are those of the machine in host mode, bare in none, and those of the other where a sandbox is shared', async () => {
    const { setUp, file } = await yard()
    const files = (name: string) => ({ resolvConf: `/${name}/resolv.conf`, hostsFile: `/${name}/hosts` })
    const read = (name: string) => [file(`/${name}/resolv.conf`), file(`/${name}/hosts`)].join('--\n')
    await setUp({ sandbox: '/proc/self/ns/net', mode: 'host', container: { id: 'h' }, resolver: files('h') })
    await setUp({ mode: 'none', container: { id: 'n' }, resolver: files('n') }, 'far')
    const dns = { servers: ['192.0.2.53'], search: ['a.example'] }
    const { attachments } = await setUp({ dns })
    await setUp({ mode: 'container:web', container: { id: 's' }, resolver: files('s') })
    const [v4, v6] = attachments[0]?.addresses.map((cidr) => cidr.replace(/\/.*/, '')) ?? []
    expect(read('h')).toMatchInlineSnapshot(`
      "# made by tsnet
      nameserver 198.51.100.53
      search corp.example
      --
      # made by tsnet
      # tsnet begin h
      127.0.0.1	localhost
      127.0.1.1	machine
      127.0.1.1	h
      198.51.100.2	host.containers.internal
      # tsnet end h
      "
    `)
    expect(read('n')).toMatchInlineSnapshot(`
      "# made by tsnet
      --
      # made by tsnet
      # tsnet begin n
      127.0.0.1	localhost
      ::1	localhost ip6-localhost ip6-loopback
      127.0.1.1	n
      # tsnet end n
      "
    `)
    expect(
      read('s')
        .replace(v4 ?? '', 'V4')
        .replace(v6 ?? '', 'V6'),
    ).toMatchInlineSnapshot(`
      "# made by tsnet
      nameserver 192.0.2.53
      search a.example
      --
      # made by tsnet
      # tsnet begin s
      127.0.0.1	localhost
      ::1	localhost ip6-localhost ip6-loopback
      V4	s
      V6	s
      10.89.0.1	host.containers.internal
      # tsnet end s
      "
    `)
  })

  it.each(Object.values(resolver))('are as before when writing %s fails', async (path) => {
    const { kernel, setUp } = await yard({ '/box/hosts': 'theirs\n' }, (one) => one === path)
    const before = kernel.dump()
    await expect(setUp({ resolver })).rejects.toThrow('as asked')
    expect(kernel.dump().match(/^file .*/gm)).toEqual(before.match(/^file .*/gm))
    expect(kernel.dump()).not.toContain('tsnet0')
  })

  it('are one file for several containers, each with lines of its own', async () => {
    const { engine, file, setUp } = await yard()
    const shared = { resolver: { hostsFile: '/box/hosts' } }
    await setUp(shared)
    await setUp(shared, 'db')
    expect(file('/box/hosts')?.match(/^# .*/gm)).toEqual([
      '# made by tsnet',
      '# tsnet begin web',
      '# tsnet end web',
      '# tsnet begin db',
      '# tsnet end db',
    ])
    await engine.teardown({ container: 'web' })
    expect(file('/box/hosts')?.match(/^# .*/gm)).toEqual([
      '# made by tsnet',
      '# tsnet begin db',
      '# tsnet end db',
    ])
    await engine.teardown({ container: 'db' })
    expect(file('/box/hosts')).toBeUndefined()
  })
})

describe('a link', () => {
  it('is names in the hosts file and variables in the result', async () => {
    const { file, setUp } = await yard()
    const db = await setUp(
      {
        container: { id: '9b1c', name: 'postgres-1' },
        networks: ['tsnet:ip=10.89.0.77'],
        expose: ['5432', '53/udp', '53'],
        publish: ['9000-9001:9000-9001'],
      },
      'db',
    )
    const web = await setUp({ container: { id: 'w', name: 'web' }, links: ['postgres-1:my-sql'], resolver })
    const [link] = web.links ?? []
    expect({ ...link, addresses: link?.addresses.length, env: undefined }).toEqual({
      container: '9b1c',
      alias: 'my-sql',
      network: 'tsnet',
      names: ['my-sql', '9b1c', 'postgres-1'],
      addresses: db.attachments[0]?.addresses.length,
      env: undefined,
    })
    expect(link?.env).toMatchInlineSnapshot(`
      {
        "MY_SQL_NAME": "/web/my-sql",
        "MY_SQL_PORT": "tcp://10.89.0.77:53",
        "MY_SQL_PORT_53_TCP": "tcp://10.89.0.77:53",
        "MY_SQL_PORT_53_TCP_ADDR": "10.89.0.77",
        "MY_SQL_PORT_53_TCP_PORT": "53",
        "MY_SQL_PORT_53_TCP_PROTO": "tcp",
        "MY_SQL_PORT_53_UDP": "udp://10.89.0.77:53",
        "MY_SQL_PORT_53_UDP_ADDR": "10.89.0.77",
        "MY_SQL_PORT_53_UDP_PORT": "53",
        "MY_SQL_PORT_53_UDP_PROTO": "udp",
        "MY_SQL_PORT_5432_TCP": "tcp://10.89.0.77:5432",
        "MY_SQL_PORT_5432_TCP_ADDR": "10.89.0.77",
        "MY_SQL_PORT_5432_TCP_PORT": "5432",
        "MY_SQL_PORT_5432_TCP_PROTO": "tcp",
        "MY_SQL_PORT_9000_TCP": "tcp://10.89.0.77:9000",
        "MY_SQL_PORT_9000_TCP_ADDR": "10.89.0.77",
        "MY_SQL_PORT_9000_TCP_PORT": "9000",
        "MY_SQL_PORT_9000_TCP_PROTO": "tcp",
        "MY_SQL_PORT_9001_TCP": "tcp://10.89.0.77:9001",
        "MY_SQL_PORT_9001_TCP_ADDR": "10.89.0.77",
        "MY_SQL_PORT_9001_TCP_PORT": "9001",
        "MY_SQL_PORT_9001_TCP_PROTO": "tcp",
      }
    `)
    expect(file('/box/hosts')).toContain('\n10.89.0.77\tmy-sql 9b1c postgres-1\n')
  })

  it('that leads nowhere is refused, and nothing is left', async () => {
    const { kernel, engine, setUp } = await yard()
    await engine.createNetwork(decodeCreateNetwork({ name: 'other' }))
    await setUp({ networks: ['other'] }, 'far')
    await setUp({ sandbox: '/proc/self/ns/net', mode: 'host', container: { id: 'h' } })
    const before = kernel.dump()
    expect([
      await refusal(setUp({ links: ['nobody'] })),
      await refusal(setUp({ links: ['far:f'] })),
      await refusal(setUp({ links: ['h'] })),
      await refusal(setUp({ mode: 'none', links: ['far'] })),
      await refusal(setUp({ networks: ['other'], links: ['far:x', 'far:X'] })),
    ]).toMatchInlineSnapshot(`
      [
        "TSNET_NO_SUCH_CONTAINER links[0] | linking to nobody: tsnet has no container of that id or name | set the other up first; "tsnet ls" shows all",
        "TSNET_BAD_VALUE links[0] | linking to far: the two have no network in common (it is on other, this one on tsnet) | add --network other",
        "TSNET_BAD_VALUE links[0] | linking to h: it is on no network (mode host) | use --add-host NAME:ADDRESS",
        "TSNET_MODE_MISMATCH links | reading links: mode none joins no networks a link could lead over | use --add-host NAME:ADDRESS",
        "TSNET_BAD_VALUE links[1].alias | reading links[1].alias: two links are called X | write OTHER:ALIAS with another alias",
      ]
    `)
    expect(kernel.dump()).toBe(before)
  })
})
