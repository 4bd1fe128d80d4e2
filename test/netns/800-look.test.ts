/**
 * Looking at a machine: every namespace is found however it was made, and the
 * host's tools work inside.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { BridgeView, ContainerView, HostMap, NamespaceView } from '../../lib/index.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { linksUp } from './traceless.ts'
import { unshared } from './unshared.ts'
import { visit } from './visit.ts'

needs('root', 'ip', 'nft', 'iptables', 'veth', 'bridge', 'ipv6')

describe('tsnet ns ls', () => {
  it('finds namespaces made in five ways, with owner, addresses, peer and bridge', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    // 1. a process alone, set up by tsnet; 2. ip netns; 3. a file as Docker has them; 4. as CNI has them; 5. rootless.
    const box = await lab.container(host)
    await host.tsnet('setup', '--pid', String(box.pid), '--container-name', 'web', '-p', '8080:80')
    await host.sh(`
      ip netns add named
      mkdir -p /run/docker/netns
      touch /run/docker/netns/0a1b2c3d4e5f /run/netns/cni-01234567-89ab-cdef-0123-456789abcdef
      unshare -n mount --bind /proc/self/ns/net /run/docker/netns/0a1b2c3d4e5f 2>/dev/null ||
        unshare -n sh -c 'mount --bind /proc/self/ns/net /run/docker/netns/0a1b2c3d4e5f'
      unshare -n sh -c 'mount --bind /proc/self/ns/net /run/netns/cni-01234567-89ab-cdef-0123-456789abcdef'
      ip link add plain0 type veth peer name eth0 netns named
      ip addr add 10.77.0.1/24 dev plain0
      ip -n named addr add 10.77.0.2/24 dev eth0
    `)
    const child = 'unshare -Urn sleep 1000 >/dev/null 2>&1 & echo $!'
    const rootless = (await host.sh(child)).stdout.trim()
    await host.sh(unshared(rootless))

    const all = await host.tsnetJson<NamespaceView[]>('ns', 'ls')
    const inode = async (path: string): Promise<string> =>
      (await host.sh(`stat -L -c %i ${path}`)).stdout.trim()
    const at = async (path: string): Promise<NamespaceView | undefined> => {
      const id = await inode(path)
      return all.find((view) => view.id === id)
    }
    const own = all[0] as NamespaceView
    expect(own).toMatchObject({ own: true, name: 'host', id: await inode('/proc/self/ns/net') })
    const web = await at(box.netns)
    expect(web).toMatchObject({ name: 'web', pids: [box.pid], foreignUser: false })
    const eth0 = web?.interfaces.find(({ name }) => name === 'eth0')
    expect(eth0).toMatchObject({ bridge: 'tsnet0', kind: 'veth', peer: { namespace: own.id } })
    const back = own.interfaces.find(({ name }) => name === eth0?.peer?.name)
    expect(back).toMatchObject({ bridge: 'tsnet0', peer: { name: 'eth0', namespace: web?.id } })
    const named = await at('/run/netns/named')
    expect(named).toMatchObject({ engine: 'ip netns', name: 'named', netnsNames: ['named'], pids: [] })
    expect(named?.interfaces.find(({ name }) => name === 'eth0')).toMatchObject({
      addresses: ['10.77.0.2/24'],
      peer: { name: 'plain0', namespace: own.id },
    })
    expect(await at('/run/docker/netns/0a1b2c3d4e5f')).toMatchObject({ engine: 'docker', pids: [] })
    expect(await at('/run/netns/cni-01234567-89ab-cdef-0123-456789abcdef')).toMatchObject({ engine: 'cri' })
    expect(await at(`/proc/${rootless}/ns/net`)).toMatchObject({
      foreignUser: true,
      pids: [Number(rootless)],
    })

    const bridges = await host.tsnetJson<BridgeView[]>('bridge', 'show', 'tsnet')
    expect(bridges).toMatchObject([
      {
        name: 'tsnet0',
        network: 'tsnet',
        stp: false,
        ports: [{ peer: { name: 'eth0', namespace: web?.id } }],
      },
    ])
    expect((await host.tsnet('map', '-q')).stdout.split('\n')).toEqual(
      expect.arrayContaining(['web', 'named']),
    )
    expect((await host.tsnet('route', 'web', '-q')).stdout.split('\n')).toContain('0.0.0.0/0')
    const map = await host.tsnetJson<HostMap>('map')
    expect(map.bridges.map(({ name, leaves }) => [name, leaves.map((leaf) => leaf.name)])).toEqual([
      ['tsnet0', ['web']],
    ])
    expect(map.direct).toMatchObject([{ name: 'named', ifname: 'eth0', addresses: ['10.77.0.2/24'] }])
  })

  it('finds the containers of a user’s podman, by where it keeps namespaces and what it writes down of them', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const id = 'f'.repeat(64)
    const { stdout } = await host.sh(`
      cp /etc/passwd /run/passwd; echo 'alice:x:4711:4711::/run/alice:/bin/sh' >> /run/passwd
      mount --bind /run/passwd /etc/passwd
      store=/run/alice/.local/share/containers/storage/overlay-containers
      data=/run/user/4711/containers/overlay-containers/${id}/userdata
      netns=/run/user/4711/netns/netns-01234567-89ab-cdef-0123-456789abcdef
      mkdir -p $store $data /run/user/4711/netns; touch $netns
      echo '[{"id": "${id}", "names": ["shop"]}]' > $store/containers.json
      unshare -Urn sleep 1000 >/dev/null 2>&1 &
      ${unshared()}
      mount --bind /proc/$!/ns/net $netns; echo $! | tee $data/pidfile
    `)
    const all = await host.tsnetJson<NamespaceView[]>('ns', 'ls')
    const pid = Number(stdout)
    expect(all.find(({ pids }) => pids.includes(pid))).toMatchObject({
      engine: 'podman',
      container: { id, name: 'shop' },
      name: 'shop',
      foreignUser: true,
    })
    expect((await host.tsnet('exec', 'shop', '--', 'readlink', '/proc/self/ns/net')).stdout).toBe(
      (await host.sh(`readlink /proc/${pid}/ns/net`)).stdout,
    )
  })

  it('counts nobody who only looks in, as another tsnet does', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const box = await lab.container(host)
    const named = '/run/netns/named'
    await host.sh('ip netns add named')
    const visits = await Promise.all(
      [box.netns, `/proc/${host.pid}/root${named}`].map((at) => visit(host, at)),
    )
    // The visitor comes before it, by its pid.
    const late = Number((await host.sh(`nsenter --net=${named} sleep 1000 >/dev/null 2>&1 & echo $!`)).stdout)
    await host.sh(`until [ "$(cat /proc/${late}/comm)" = sleep ]; do :; done`)
    const all = await host.tsnetJson<NamespaceView[]>('ns', 'ls')
    const pids = async (path: string): Promise<unknown> => {
      const { stdout } = await host.sh(`stat -L -c %i ${path}`)
      return all.find(({ id }) => id === stdout.trim())?.pids
    }
    expect([await pids(box.netns), await pids(named)]).toEqual([[box.pid], [late]])
    await host.tsnet('setup', '--netns', named, '--container-name', 'web')
    expect((await host.tsnet('inspect', 'web', '--format', '{{.State.Pid}}')).stdout).toBe(`${late}\n`)
    expect((await host.tsnet('inspect', 'web', '--format', '{{.State.Running}}')).stdout).toBe('true\n')
    for (const leave of visits) expect(await leave()).toBe(0)
  })

  it('changes nothing while it looks', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const box = await lab.container(host)
    await host.tsnet('setup', '--pid', String(box.pid), '--container-name', 'web')
    await host.sh('until [ -z "$(ip -6 addr show tentative)" ]; do sleep 0.05; done')
    const [before, inside] = [await snapshot(host), await snapshot(box)]
    for (const words of [
      ['ns', 'ls'],
      ['ps'],
      ['map'],
      ['bridge', 'show'],
      ['route', 'web'],
      ['ipam', 'who', '10.89.0.2'],
    ]) {
      await host.tsnet(...words)
    }
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
    expect(snapshotDifference(inside, await snapshot(box))).toEqual([])
  })
})

describe('tsnet ns link', () => {
  it('lets ip netns enter a container, and --undo takes back what it made and nothing else', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const box = await lab.container(host)
    await host.tsnet('setup', '--pid', String(box.pid), '--container-name', 'web')
    await host.sh('ip netns add mine; ln -s /proc/1/ns/net /run/netns/hand')
    expect((await host.tsnet('ns', 'link', 'web')).stdout).toMatch(/^linked web to net:\[\d+\]\n$/)
    expect((await host.tsnet('ns', 'link', 'web')).stdout).toBe('nothing to do\n')
    const seen = await host.sh('ip netns exec web readlink /proc/self/ns/net')
    expect(seen.stdout).toBe((await host.sh(`readlink ${box.netns}`)).stdout)
    await host.tsnet('ns', 'link', '--undo')
    expect((await host.sh('ls /run/netns')).stdout).toBe('hand\nmine\n')
  })

  it('takes a link away whose container has ended', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const box = await lab.container(host)
    await host.tsnet('setup', '--pid', String(box.pid), '--container-name', 'web')
    await host.tsnet('ns', 'link', 'web')
    await host.tsnet('teardown', 'web')
    const other = await lab.container(host)
    await host.tsnet('setup', '--pid', String(other.pid), '--container-name', 'next')
    await box.kill()
    expect((await host.tsnet('ns', 'link', 'next')).stdout).toMatch(/^removed web\nlinked next to /)
  })
})

describe('tsnet exec', () => {
  it("runs the host's programs with the container's network, resolv.conf, hosts and /sys", async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const box = await lab.container(host)
    await host.tsnet(
      ...['setup', '--pid', String(box.pid), '--container-name', 'web', '--dns', '192.0.2.53'],
      ...['--add-host', 'printer:192.0.2.9'],
    )
    const before = await host.sh('cat /etc/resolv.conf /etc/hosts; ls /run')
    expect((await host.tsnet('exec', 'web', 'readlink', '/proc/self/ns/net')).stdout).toBe(
      (await host.sh(`readlink ${box.netns}`)).stdout,
    )
    expect((await host.tsnet('exec', 'web', '--', 'ls', '/sys/class/net')).stdout).toBe('eth0\nlo\n')
    expect((await host.tsnet('exec', 'web', 'grep', '-m1', 'nameserver', '/etc/resolv.conf')).stdout).toBe(
      // Its network's own, which asks 192.0.2.53.
      'nameserver 10.89.0.1\n',
    )
    expect((await host.tsnet('exec', 'web', 'getent', 'hosts', 'printer')).stdout).toMatch(
      /^192\.0\.2\.9 +printer\n$/,
    )
    // Flags behind the program are the program's; so is the exit code.
    expect((await host.tsnet('exec', '--pid', String(box.pid), 'ip', '-4', '-br', 'addr')).stdout).toMatch(
      /eth0@/,
    )
    expect((await host.tsnet('exec', 'web', 'sh', '-c', 'exit 7', { expectExit: 'any' })).exitCode).toBe(7)
    expect((await host.sh('cat /etc/resolv.conf /etc/hosts; ls /run')).stdout).toBe(before.stdout)
  })

  it('names the container to a shell, and takes the spelling of nsenter', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const box = await lab.container(host)
    await host.tsnet('setup', '--pid', String(box.pid), '--container-name', 'web')
    expect((await host.tsnet('sh', 'web', '--', '-c', 'echo $TSNET_CONTAINER')).stdout).toBe('web\n')
    const namespace = (await host.sh(`readlink ${box.netns}`)).stdout
    const link = ['readlink', '/proc/self/ns/net']
    expect((await host.tsnet('nsenter', '-t', String(box.pid), '-n', ...link)).stdout).toBe(namespace)
    expect((await host.tsnet('nsenter', `--net=${box.netns}`, ...link)).stdout).toBe(namespace)
    expect((await host.tsnet('nsenter', '-t', 'web', '-n', '-m', ...link)).stdout).toBe(namespace)
  })

  it('says in one sentence what is wrong, with the nearest name', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const box = await lab.container(host)
    await host.tsnet('setup', '--pid', String(box.pid), '--container-name', 'webfront')
    // Interfaces of the whole machine are looked at, so the address is of this test alone.
    await host.tsnet('network', 'create', 'shop', '--subnet', '10.180.33.0/24')
    const told = async (...words: string[]): Promise<string> => {
      const { stdout, stderr, exitCode } = await host.tsnet(...words, { expectExit: 'any' })
      return `\n${stdout}${stderr}exit ${exitCode}\n`
    }
    expect(await told('exec', 'webfrnt', 'true')).toMatchInlineSnapshot(`
      "
      tsnet: finding container webfrnt: no container or network namespace is called that
        field: CONTAINER
        value: webfrnt
        hint: did you mean "webfront"? "tsnet ns ls" shows all
      exit 3
      "
    `)
    expect(await told('exec', 'webfront', 'no-such-program')).toMatchInlineSnapshot(`
      "
      tsnet: starting no-such-program: no such program on the path
        value: no-such-program
        hint: look at its spelling, or install what has it
      exit 69
      "
    `)
    expect(await told('exec', 'webfront', '/etc/passwd')).toMatchInlineSnapshot(`
      "
      tsnet: starting /etc/passwd: it is no file that can be executed
        value: /etc/passwd
        hint: give the path of an executable file; a shell is that of SHELL
      exit 69
      "
    `)
    expect(await told('exec', 'webfront', '/etc')).toMatchInlineSnapshot(`
      "
      tsnet: starting /etc: it is no file that can be executed
        value: /etc
        hint: give the path of an executable file; a shell is that of SHELL
      exit 69
      "
    `)
    const shell = { env: { ...process.env, SHELL: '/nope' }, expectExit: 69 }
    expect((await host.tsnet('sh', 'webfront', shell)).stderr).toMatchInlineSnapshot(`
      "tsnet: starting /nope: there is no such file
        value: /nope
        hint: give the path of an executable file; a shell is that of SHELL
      "
    `)
    expect(await told('exec', 'webfront')).toMatchInlineSnapshot(`
      "
      tsnet: no program given
        hint: such as: tsnet exec web -- ip addr; tsnet sh opens a shell
      exit 2
      "
    `)
    expect(await told('exec', '--netns', '/etc/passwd', 'true')).toMatchInlineSnapshot(`
      "
      tsnet: opening network namespace /etc/passwd: it is no namespace
        field: sandbox.path
        value: /etc/passwd
        hint: a name below /run/netns is only a namespace while \`ip netns\` has it mounted; or use /proc/PID/ns/net
      exit 2
      "
    `)
    expect(await told('nsenter', 'ip', 'addr')).toMatchInlineSnapshot(`
      "
      tsnet: no namespace given
        hint: -n is the network: tsnet nsenter -t PID -n ip addr
      exit 2
      "
    `)
    expect(await told('bridge', 'show', 'tsnet1')).toMatchInlineSnapshot(`
      "
      tsnet: finding bridge tsnet1: this host has none of that name
        field: BRIDGES
        value: tsnet1
        hint: did you mean "tsnet0"? "tsnet bridge show" shows all
      exit 3
      "
    `)
    expect(await told('map', '--svg', '--mermaid')).toMatchInlineSnapshot(`
      "
      tsnet: several forms are asked for
        hint: give one of --mermaid, --svg and --json
      exit 2
      "
    `)
    expect(await told('ipam', 'who', '10.89.0')).toMatchInlineSnapshot(`
      "
      tsnet: reading ADDRESS: "10.89.0" is no IP address
        field: ADDRESS
        value: 10.89.0
        hint: write four decimal numbers such as 10.89.0.2, or IPv6 such as fd00::2
      exit 2
      "
    `)
    expect(await told('ipam', 'who', '10.180.33.200')).toMatchInlineSnapshot(`
      "
      nobody holds 10.180.33.200: free on network shop
      exit 3
      "
    `)
  })
})

describe('tsnet ps', () => {
  it('shows networks, ports and pid of a container, and counts what it has sent', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const box = await lab.container(host)
    await host.tsnet('setup', '--pid', String(box.pid), '--container-name', 'web', '-p', '8080:80')
    // What is sent before that is counted nowhere.
    await linksUp(box, 'eth0')
    // Containers of other engines are listed too, and there may be one on this machine just now.
    const shown = async (): Promise<ContainerView | undefined> =>
      (await host.tsnetJson<ContainerView[]>('ps')).find(({ pid }) => pid === box.pid)
    const before = await shown()
    await host.tsnet('exec', 'web', 'ping', '-c', '50', '-s', '1400', '-i', '0.01', '10.89.0.1')
    const after = await shown()
    expect(after).toMatchObject({
      name: 'web',
      engine: 'tsnet',
      mode: 'bridge',
      alive: true,
      pid: box.pid,
      endpoints: [{ network: 'tsnet', ifname: 'eth0', ports: [{ hostPort: 8080, containerPort: 80 }] }],
    })
    // 1400 bytes of data, 8 of ICMP, 20 of IP, 14 of Ethernet; besides less than a tenth of neighbour discovery and reports.
    const sent = (after?.traffic?.txBytes ?? 0) - (before?.traffic?.txBytes ?? 0)
    expect(Math.floor(sent / (5 * 1442))).toBe(10)
  })

  it('tells who holds an address, gateway and lease', async () => {
    await using lab = await createLab()
    // Interfaces of the whole machine are looked at, so the addresses are of this test alone.
    const host = await lab.host('host')
    const box = await lab.container(host)
    await host.tsnet(
      'network',
      'create',
      'shop',
      '--subnet',
      '10.180.32.0/24',
      '--aux-address',
      'printer=10.180.32.9',
    )
    await host.tsnet('setup', '--pid', String(box.pid), '--container-name', 'web', '--network', 'shop')
    const who = (address: string) => host.tsnetJson<object>('ipam', 'who', address)
    expect(await who('10.180.32.2')).toMatchObject({
      holders: [
        { kind: 'container', owner: 'web', network: 'shop', alive: true, free: 'tsnet teardown web' },
      ],
    })
    expect(await who('10.180.32.1')).toMatchObject({
      holders: [{ kind: 'gateway', network: 'shop', alive: true }],
    })
    expect(await who('10.180.32.9')).toMatchObject({ holders: [{ kind: 'reserved', owner: 'printer' }] })
  })
})
