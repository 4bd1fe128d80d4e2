/**
 * resolv.conf and hosts of containers, as a container sees them that has them
 * mounted, and as the host finds them afterwards.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { ContainerNetwork } from '../../lib/index.ts'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { leavesNothing } from './traceless.ts'

needs('root', 'ip', 'veth', 'bridge', 'ipv6', 'built')

const resolvConf = '/run/box/resolv.conf'
const hostsFile = '/run/box/hosts'
const files = ['--resolv-conf', resolvConf, '--hosts', hostsFile] as const

interface Yard {
  readonly host: Host
  readonly web: Container
  readonly db: Container
}

/** A host with resolvers of its own and a folder for files. */
async function yard(lab: Lab): Promise<Yard> {
  const host = await lab.host('host', { forwarding: true })
  await host.sh(`mkdir /run/box
    printf 'nameserver 192.0.2.53\\nsearch corp.example\\n' >/etc/resolv.conf
    printf '127.0.0.1 localhost\\n127.0.1.1 machine\\n' >/etc/hosts`)
  return { host, web: await lab.container(host), db: await lab.container(host) }
}

/** A folder as one text: each file with its mode, owner and contents. */
async function folder(host: Host, path = '/run/box'): Promise<string> {
  const { stdout } = await host.sh(
    `cd ${path}; find . -mindepth 1 | sort | while read -r f; do stat -c '%n %A %u' "$f"; cat "$f"; done`,
  )
  return stdout
}

/** What a program in the container gets that has the files mounted where programs look for them. */
async function inside(box: Container, line: string): Promise<string> {
  const mounts = `mount --bind ${resolvConf} /etc/resolv.conf; mount --bind ${hostsFile} /etc/hosts`
  return (await box.run(['unshare', '-m', 'sh', '-ec', `${mounts}; ${line}`])).stdout
}

/** A refused command: its exit code and what it says. */
async function refused(host: Host, ...words: string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await host.tsnet(...words, { expectExit: 'any' })
  expect(stdout).toBe('')
  return `\n${stderr.replaceAll(/\/proc\/\d+\//g, '/proc/PID/')}exit ${exitCode}\n`
}

describe('files that tsnet writes', () => {
  it('give a container its names, those of its links and of the host, and go with it', async () => {
    await using lab = await createLab()
    const { host, web, db } = await yard(lab)
    await leavesNothing(host, async () => {
      await host.tsnet('network', 'create', 'shop', '--subnet', '10.90.0.0/24', '--subnet', 'fd00:90::/64')
      const shop = ['--network', 'shop']
      await host.tsnet('setup', '--netns', db.netns, '--id', 'db', ...shop, '--expose', '5432')
      const told = await host.tsnetJson<ContainerNetwork>(
        ...['setup', '--netns', web.netns, '--id', '0123456789abcdef', '--container-name', 'web'],
        ...['--hostname', 'web.example', '--add-host', 'old:192.0.2.7'],
        ...['--link', 'db:sql', ...shop, ...files],
      )
      expect(told.resolver).toMatchObject({ resolvConf, hostsFile, search: ['corp.example'] })
      expect(told.links?.[0]?.env).toMatchObject({
        SQL_NAME: '/web/sql',
        SQL_PORT_5432_TCP: 'tcp://10.90.0.2:5432',
      })
      const servers = told.resolver.servers.map((server) => `nameserver ${server}\n`).join('')
      expect(await inside(web, 'cat /etc/resolv.conf')).toBe(
        `# made by tsnet\n${servers}search corp.example\noptions ${told.resolver.options.join(' ')}\n`,
      )
      const asked = 'web.example web 0123456789ab old sql db host.containers.internal localhost'
      const look = 'echo $name $(getent ahosts $name | sed -n "s/ .*STREAM.*//p")'
      expect(await inside(web, `for name in ${asked}; do ${look}; done`)).toMatchInlineSnapshot(`
        "web.example fd00:90::3 10.90.0.3
        web fd00:90::3 10.90.0.3
        0123456789ab fd00:90::3 10.90.0.3
        old 192.0.2.7
        sql fd00:90::2 10.90.0.2
        db fd00:90::2 10.90.0.2
        host.containers.internal 10.90.0.1
        localhost ::1 127.0.0.1
        "
      `)
      expect(await inside(web, 'getent hosts 10.90.0.2 fd00:90::3')).toMatchInlineSnapshot(`
        "10.90.0.2       sql db
        fd00:90::3      web.example web 0123456789ab
        "
      `)
      await host.tsnet('teardown', 'web')
      await host.tsnet('teardown', 'db')
      await host.tsnet('network', 'rm', 'shop')
    })
    expect(await folder(host)).toBe('')
  })

  it('that an engine has made and mounted are changed under the mount and given back as they were', async () => {
    await using lab = await createLab()
    const { host, web } = await yard(lab)
    await host.sh(`cd /run/box
      printf 'nameserver 192.0.2.1\\n' >resolv.conf; chmod 600 resolv.conf
      printf '127.0.0.1 localhost\\n192.0.2.9 engine' >hosts; chown 1000 hosts
      touch /run/mounted /run/mounted-too
      mount --bind hosts /run/mounted; mount --bind resolv.conf /run/mounted-too`)
    const before = await folder(host)
    await leavesNothing(host, async () => {
      // By the mounted path one, by the path of the source the other.
      const flags = ['--hosts', '/run/mounted', '--resolv-conf', resolvConf]
      await host.tsnet('setup', '--netns', web.netns, '--id', 'web', ...flags)
      // The address of the other family is of a prefix chosen at random.
      expect((await host.sh('grep -v ^fd /run/mounted')).stdout).toMatchInlineSnapshot(`
        "127.0.0.1 localhost
        192.0.2.9 engine
        # tsnet begin web
        10.89.0.2	web
        10.89.0.1	host.containers.internal
        # tsnet end web
        "
      `)
      const views = await host.sh(
        'cd /run; cmp mounted box/hosts; cmp mounted-too box/resolv.conf; cat mounted-too',
      )
      expect(views.stdout).toMatch(/^# made by tsnet\nnameserver /)
      expect((await host.tsnet('check')).stdout).not.toContain('missing')
      await host.tsnet('teardown', 'web')
    })
    expect(await folder(host)).toBe(before)
    await host.sh('cd /run; cmp mounted box/hosts; cmp mounted-too box/resolv.conf')
  })

  it('of the host, of no network and of a shared sandbox say what is true there', async () => {
    await using lab = await createLab()
    const { host, web, db } = await yard(lab)
    await host.sh("echo 'options timeout:2' >>/etc/resolv.conf")
    await leavesNothing(host, async () => {
      const inHost = await host.tsnetJson<ContainerNetwork>(
        ...['setup', '--network', 'host', '--id', 'h', ...files],
      )
      expect(inHost.resolver).toMatchObject({
        servers: ['192.0.2.53'],
        search: ['corp.example'],
        options: ['timeout:2'],
      })
      expect(await folder(host)).toMatchInlineSnapshot(`
        "./hosts -rw-r--r-- 0
        # made by tsnet
        # tsnet begin h
        127.0.0.1	localhost
        127.0.1.1	machine
        127.0.1.1	h
        # tsnet end h
        ./resolv.conf -rw-r--r-- 0
        # made by tsnet
        nameserver 192.0.2.53
        search corp.example
        options timeout:2
        "
      `)
      await host.tsnet('teardown', 'h')
      const asked = ['--dns', '192.0.2.7', '--dns-search', 'lab.example', '--dns-option', 'ndots:2']
      const some = await host.tsnetJson<ContainerNetwork>('setup', '--network', 'host', '--id', 'h', ...asked)
      expect(some.resolver).toMatchObject({
        servers: ['192.0.2.7'],
        search: ['lab.example'],
        options: ['ndots:2'],
      })
      await host.tsnet('teardown', 'h')
      await host.tsnet('setup', '--netns', web.netns, '--network', 'none', '--id', 'n', ...files)
      expect(await folder(host)).toMatchInlineSnapshot(`
        "./hosts -rw-r--r-- 0
        # made by tsnet
        # tsnet begin n
        127.0.0.1	localhost
        ::1	localhost ip6-localhost ip6-loopback
        127.0.1.1	n
        # tsnet end n
        ./resolv.conf -rw-r--r-- 0
        # made by tsnet
        "
      `)
      await host.tsnet('teardown', 'n')
      await host.tsnet('setup', '--netns', db.netns, '--id', 'db', '--ip', '10.89.0.9', '--hosts', hostsFile)
      await host.tsnet('setup', '--network', 'container:db', '--id', 'side', '--hosts', hostsFile)
      const names = await db.run([
        'sh',
        '-c',
        `grep -c '^10.89.0.9' ${hostsFile}; grep '10.89.0.9' ${hostsFile}`,
      ])
      expect(names.stdout).toBe('2\n10.89.0.9\tdb\n10.89.0.9\tside\n')
      await host.tsnet('teardown', 'side')
      await host.tsnet('teardown', 'db')
    })
    expect(await folder(host)).toBe('')
  })

  it('and that somebody has changed since are told by check, and stay', async () => {
    await using lab = await createLab()
    const { host, web } = await yard(lab)
    await leavesNothing(host, async () => {
      await host.tsnet('setup', '--netns', web.netns, '--id', 'web', ...files)
      await host.sh(`echo 'nameserver 192.0.2.99' >${resolvConf}; echo '192.0.2.8 mine' >>${hostsFile}`)
      const found = await host.tsnet('check', { expectExit: 5 })
      expect(found.stdout).toContain(resolvConf)
      expect(found.stdout).not.toContain(hostsFile)
      await host.tsnet('teardown', 'web')
    })
    expect(await folder(host)).toMatchInlineSnapshot(`
      "./hosts -rw-r--r-- 0
      # made by tsnet
      192.0.2.8 mine
      ./resolv.conf -rw-r--r-- 0
      nameserver 192.0.2.99
      "
    `)
  })
})

describe('a file that cannot be written', () => {
  it('is refused before anything is made, and the reason is told', async () => {
    await using lab = await createLab()
    const { host, web } = await yard(lab)
    await host.sh(`cd /run/box; echo theirs >file; ln -s /etc/hosts link; ln -s /run/nowhere dangling; mkfifo pipe
      mkdir folder; printf 'a\\0b' >binary; echo theirs >fixed; mount --bind fixed fixed; mount -o remount,ro,bind fixed`)
    const before = await host.sh('cd /run/box; ls -l; cat file fixed /etc/hosts')
    await leavesNothing(host, async () => {
      const names = ['link', 'dangling', 'pipe', 'folder', 'binary', 'fixed', 'none/hosts', 'file/hosts']
      const said: string[] = []
      for (const name of names) {
        said.push(await refused(host, 'setup', '--netns', web.netns, '--hosts', `/run/box/${name}`))
      }
      const both = ['--hosts', hostsFile, '--resolv-conf', hostsFile]
      said.push(await refused(host, 'setup', '--netns', web.netns, ...both))
      said.push(await refused(host, 'setup', '--netns', web.netns, '--resolv-conf', 'a\nb'))
      expect(said.join('')).toMatchInlineSnapshot(`
        "
        tsnet: writing /run/box/link: it is a symbolic link to /etc/hosts
          field: --hosts
          value: /run/box/link
          hint: give the path of the file itself
        exit 2

        tsnet: writing /run/box/dangling: it is a symbolic link to /run/nowhere
          field: --hosts
          value: /run/box/dangling
          hint: give the path of the file itself
        exit 2

        tsnet: writing /run/box/pipe: it is no regular file
          field: --hosts
          value: /run/box/pipe
          hint: give another path
        exit 2

        tsnet: writing /run/box/folder: it is no regular file
          field: --hosts
          value: /run/box/folder
          hint: give another path
        exit 2

        tsnet: writing /run/box/binary: it is no UTF-8 text
          field: --hosts
          value: /run/box/binary
          hint: give another path
        exit 2

        tsnet: writing /run/box/fixed: EROFS (read-only file system)
          field: --hosts
          value: /run/box/fixed
          hint: tsnet writes it as root: look at its mount (read-only?), its attributes (lsattr) and the space left
        exit 2

        tsnet: writing /run/box/none/hosts: there is no folder /run/box/none
          field: --hosts
          value: /run/box/none/hosts
          hint: make the folder first
        exit 2

        tsnet: writing /run/box/file/hosts: there is no folder /run/box/file
          field: --hosts
          value: /run/box/file/hosts
          hint: make the folder first
        exit 2

        tsnet: reading --hosts: it is the file of --resolv-conf too
          field: --hosts
          value: /run/box/hosts
          hint: give two files
        exit 2

        tsnet: reading --resolv-conf: "/a\\nb" has control characters
          field: --resolv-conf
          value: /a\\nb
          hint: give the whole path of a file, such as /var/lib/box/hosts
        exit 2
        "
      `)
    })
    expect((await host.sh('cd /run/box; ls -l; cat file fixed /etc/hosts')).stdout).toBe(before.stdout)
  })

  it('because the disk is full leaves nothing set up, and the file as it was', async () => {
    await using lab = await createLab()
    const { host, web } = await yard(lab)
    await host.sh(`mount -t tmpfs -o size=8k tmpfs /run/box; cd /run/box
      head -c 4090 /dev/zero | tr '\\0' '#' >hosts; head -c 4096 /dev/zero | tr '\\0' '#' >full`)
    const before = await folder(host)
    await leavesNothing(host, async () => {
      const said = await refused(host, 'setup', '--netns', web.netns, '--hosts', hostsFile)
      expect(said).toMatchInlineSnapshot(`
        "
        tsnet: writing /run/box/hosts: ENOSPC (no space left on device)
          value: /run/box/hosts
          hint: tsnet writes it as root: look at its mount (read-only?), its attributes (lsattr) and the space left
        exit 2
        "
      `)
    })
    expect(await folder(host)).toBe(before)
  })
})

describe('a set-up killed while it writes files', () => {
  const moments = [0, 1].flatMap((nth) => (['before', 'after'] as const).map((phase) => ({ nth, phase })))

  it.each(moments)('is healed by the next command: $phase file $nth', async ({ nth, phase }) => {
    await using lab = await createLab()
    const { host, web } = await yard(lab)
    await host.sh(`echo 'nameserver 192.0.2.1' >${resolvConf}`)
    const before = await folder(host)
    await leavesNothing(host, async () => {
      const request = { sandbox: web.netns, container: { id: 'web' }, resolver: { resolvConf, hostsFile } }
      const killed = [JSON.stringify(request), String(nth), phase]
      expect(
        (await host.node('test/netns/agents/killed.ts', ...killed, { expectExit: 'any' })).exitCode,
      ).toBe(137)
      expect((await folder(host)) === before).toBe(nth === 0 && phase === 'before')
      await host.tsnet('gc')
    })
    expect(await folder(host)).toBe(before)
  })
})
