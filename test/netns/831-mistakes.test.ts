/**
 * Names that mean nothing, or several: with every command that takes one, one sentence, the nearest name, and the same
 * exit code. Users without rights, and containers that end while somebody looks.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'

needs('root', 'ip', 'nft', 'veth', 'bridge', 'ipv6')

/** Container webfront and network shop are there; people mistype them. */
const containers = [
  'inspect webfrnt',
  'port webfrnt',
  'publish add webfrnt 80',
  'publish rm webfrnt 80',
  'publish ls webfrnt',
  'network connect shop webfrnt',
  'network disconnect shop webfrnt',
  'check webfrnt',
  'setup --id side --network container:webfrnt',
  'setup --pid $BOX --id side --network shop --link webfrnt',
  'dns query db --from webfrnt',
  'dns explain db --from webfrnt',
  'route webfrnt',
  'rules webfrnt',
  'conntrack webfrnt',
  'top webfrnt --once',
  'capture webfrnt',
  'trace webfrnt host:53',
  'trace webfront webfrnt:80',
  'doctor webfrnt',
  'exec webfrnt true',
  'sh webfrnt',
  'nsenter -t webfrnt -n true',
  'ping webfrnt host',
  'dig webfrnt db',
  'curl webfrnt db',
  'ns link webfrnt',
]
const networks = [
  'network inspect shpo',
  'network update shpo --label a=b',
  'network rm shpo',
  'network connect shpo webfront',
  'network disconnect shpo webfront',
  'setup --pid $BOX --id side --network shpo',
  'plan --pid $BOX --network shpo',
  'bridge show shpo',
]

const firstLine = (stderr: string): string => stderr.split('\n')[0] ?? ''

describe('a name that was mistyped', () => {
  it('is told with the nearest one by every command, which then has changed nothing', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const [box, other] = [await lab.container(host), await lab.container(host)]
    await host.tsnet('network', 'create', 'shop', '--subnet', '10.90.0.0/24', '--firewall', 'nftables')
    const setup = [
      'setup',
      '--firewall',
      'nftables',
      '--pid',
      String(box.pid),
      '--container-name',
      'webfront',
    ]
    await host.tsnet(...setup, '--network', 'shop')
    const before = await snapshot(host)
    const answers: string[] = []
    for (const [lines, near] of [
      [containers, 'webfront'],
      [networks, 'shop'],
    ] as const) {
      for (const line of lines) {
        const words = line.replace('$BOX', String(other.pid)).split(' ')
        const { stdout, stderr, exitCode } = await host.tsnet(...words, {
          expectExit: 'any',
          env: { ...process.env, TSNET_FIREWALL: 'nftables' },
        })
        const told = stderr.includes(`did you mean "${near}"?`) && stderr.split('\n').length <= 5
        if (exitCode !== 3 || stdout !== '' || !told)
          answers.push(`${line}: exit ${exitCode}\n${stdout}${stderr}`)
      }
    }
    expect(answers).toEqual([])
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })

  it('is told by teardown too, where a person reads it, though nothing to do is a success', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const box = await lab.container(host)
    await host.tsnet('setup', '--firewall', 'nftables', '--pid', String(box.pid), '--container-name', 'web')
    const tsnet = `${process.execPath} ${repository}dist/bin/tsnet`
    const { stdout } = await host.run(['script', '-qec', `${tsnet} teardown wbe`, '/dev/null'])
    expect(stdout.trim()).toBe('nothing is set up for wbe; did you mean "web"?')
    expect((await host.tsnet('teardown', 'wbe')).stdout).toBe('nothing is set up for wbe\n')
  })
})

it('names those that are meant where the beginning of an id means several', async () => {
  await using lab = await createLab()
  const host = await lab.host('host')
  const boxes = [await lab.container(host), await lab.container(host)]
  for (const [at, box] of boxes.entries())
    await host.tsnet('setup', '--firewall', 'nftables', '--pid', String(box.pid), '--id', `c0ffee${at}${at}`)
  const said = new Set<string>()
  for (const line of [
    'inspect',
    'publish ls',
    'network connect bridge',
    'exec',
    'rules',
    'capture',
    'route',
  ]) {
    const { stderr } = await host.tsnet(...line.split(' '), 'c0ffee', ...(line === 'exec' ? ['true'] : []), {
      expectExit: 2,
    })
    said.add(stderr)
  }
  expect([...said]).toEqual([
    [
      'tsnet: finding container c0ffee: 2 ids begin like that',
      '  field: CONTAINER',
      '  value: c0ffee',
      '  hint: one of c0ffee00, c0ffee11; or give --pid or --netns',
      '',
    ].join('\n'),
  ])
})

it('takes a whole id before a name that is the same, with every command', async () => {
  await using lab = await createLab()
  const host = await lab.host('host')
  const [box, other] = [await lab.container(host), await lab.container(host)]
  const words = ['setup', '--firewall', 'nftables', '--pid']
  await host.tsnet(...words, String(other.pid), '--container-name', 'web', '--ip', '10.89.0.9')
  await host.tsnet(...words, String(box.pid), '--id', 'web', '--container-name', 'front', '--ip', '10.89.0.5')
  const said = async (line: string, word: string): Promise<string> =>
    (await host.tsnet(...line.replaceAll('WORD', word).split(' '))).stdout
  const lines = [
    'inspect WORD',
    'exec WORD ip -4 -o addr show eth0',
    'nsenter -t WORD -n ip -4 -o addr show eth0',
    'route WORD',
    'rules WORD',
    'port WORD',
    'dns explain front --from WORD',
  ]
  for (const line of lines) {
    // Packets that come meanwhile are counted.
    const uncounted = (text: string): string =>
      text.replaceAll(/^ +\d+(\.\d+)?[* ]k? +\d+(\.\d+)? k?B {2}/gm, '')
    const [byId, byName] = [await said(line, 'web'), await said(line, 'front')]
    expect([line, uncounted(byId)]).toEqual([line, uncounted(byName)])
  }
  expect(await said('exec WORD ip -4 -o addr show eth0', 'web')).toContain('10.89.0.5/')
})

it('tells a user without rights the same with every command that looks or enters', async () => {
  await using lab = await createLab()
  const host = await lab.host('host')
  const answers = new Map<string, string>()
  const lines = [
    'ls',
    'ps',
    'map',
    'ns ls',
    'bridge show',
    'ipam who 10.89.0.1',
    'route host',
    'rules',
    'conntrack',
  ]
  const more = [
    'top --once',
    'capture host',
    'events',
    'doctor',
    'trace host 10.89.0.1:53',
    'exec host true',
    'check',
  ]
  for (const line of [...lines, ...more]) {
    const argv = [
      'setpriv',
      '--reuid=1000',
      '--clear-groups',
      process.execPath,
      `${repository}dist/bin/tsnet`,
    ]
    const { stderr, exitCode } = await host.run([...argv, ...line.split(' ')], { expectExit: 'any' })
    const text = `${exitCode} ${firstLine(stderr)}`
    answers.set(text, `${answers.get(text) ?? ''}${line}, `)
  }
  expect([...answers.keys()]).toEqual(['77 tsnet: checking rights: not run by root'])
})

it('tells him so too with every command that installs something, or asks tsnetd', async () => {
  await using lab = await createLab()
  const host = await lab.host('host')
  await host.sh('mkdir -m 755 /etc/theirs')
  const before = await snapshot(host)
  const answers: string[] = []
  const tsnet = ['setpriv', '--reuid=1000', '--clear-groups', process.execPath, `${repository}dist/bin/tsnet`]
  const tell = async (line: string): Promise<void> => {
    const { stdout, stderr, exitCode } = await host.run([...tsnet, ...line.split(' ')], { expectExit: 'any' })
    answers.push(`${line}: exit ${exitCode}\n${stdout}${stderr}`)
  }
  await tell('cni install --dir /etc/theirs/bin')
  await tell('docker install --state-dir /etc/theirs/state')
  await tell('podman install --dir /etc/theirs/conf')
  await tell('daemon start --state-dir /etc/theirs/state')
  await host.tsnet('daemon', 'start')
  for (const verb of ['start', 'status', 'metrics', 'logs', 'stop']) await tell(`daemon ${verb}`)
  await host.tsnet('daemon', 'stop')
  expect(`\n${answers.join('')}`).toMatchInlineSnapshot(`
    "
    cni install --dir /etc/theirs/bin: exit 77
    tsnet: EACCES: permission denied, mkdir '/etc/theirs/bin'
      hint: run it with sudo
    docker install --state-dir /etc/theirs/state: exit 77
    tsnet: writing /etc/theirs/state: EACCES: permission denied, mkdir '/etc/theirs/state'
      hint: run it with sudo
    podman install --dir /etc/theirs/conf: exit 77
    tsnet: writing /etc/theirs/conf/90-tsnet.conf: EACCES: permission denied, mkdir '/etc/theirs/conf'
      hint: run it with sudo
    daemon start --state-dir /etc/theirs/state: exit 77
    tsnet: writing /etc/theirs/state: EACCES: permission denied, mkdir '/etc/theirs/state'
      hint: run it with sudo
    daemon start: exit 77
    tsnet: asking tsnetd at /run/tsnet/tsnetd.sock: it is not open to this user
      value: /run/tsnet/tsnetd.sock
      hint: run it with sudo, or tsnetd with --group
    daemon status: exit 77
    tsnet: asking tsnetd at /run/tsnet/tsnetd.sock: it is not open to this user
      value: /run/tsnet/tsnetd.sock
      hint: run it with sudo, or tsnetd with --group
    daemon metrics: exit 77
    tsnet: asking tsnetd at /run/tsnet/tsnetd.sock: it is not open to this user
      value: /run/tsnet/tsnetd.sock
      hint: run it with sudo, or tsnetd with --group
    daemon logs: exit 77
    tsnet: EACCES: permission denied, open '/run/tsnet/tsnetd.log.1'
      hint: run it with sudo
    daemon stop: exit 77
    tsnet: asking tsnetd at /run/tsnet/tsnetd.sock: it is not open to this user
      value: /run/tsnet/tsnetd.sock
      hint: run it with sudo, or tsnetd with --group
    "
  `)
  expect(snapshotDifference(before, await snapshot(host), { except: [/^files: \/run\/tsnet\//] })).toEqual([])
})

it('says which container has ended where it is asked for afterwards', async () => {
  await using lab = await createLab()
  const host = await lab.host('host')
  const box = await lab.container(host)
  await host.tsnet('setup', '--firewall', 'nftables', '--pid', String(box.pid), '--container-name', 'web')
  // Whoever looks at all namespaces just now, another test say, keeps it for a moment.
  await box.end()
  const said = new Map<string, number>()
  for (const line of ['exec web true', 'route web', 'capture web', 'trace web host:53', 'top web --once']) {
    const { stderr, exitCode } = await host.tsnet(...line.split(' '), { expectExit: 'any' })
    const text = `${exitCode} ${firstLine(stderr)}`
    said.set(text, (said.get(text) ?? 0) + 1)
  }
  const ended = '3 tsnet: finding container web: it has ended, its network namespace is gone'
  expect([...said]).toEqual([[ended, 5]])
})
