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
      '  field: container',
      '  value: c0ffee',
      '  hint: one of c0ffee00, c0ffee11; or give --pid or --netns',
      '',
    ].join('\n'),
  ])
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

it('says which container has ended where it is asked for afterwards', async () => {
  await using lab = await createLab()
  const host = await lab.host('host')
  const box = await lab.container(host)
  await host.tsnet('setup', '--firewall', 'nftables', '--pid', String(box.pid), '--container-name', 'web')
  await box.kill()
  const said = new Map<string, number>()
  for (const line of ['exec web true', 'route web', 'capture web', 'trace web host:53', 'top web --once']) {
    const { stderr, exitCode } = await host.tsnet(...line.split(' '), { expectExit: 'any' })
    const text = `${exitCode} ${firstLine(stderr)}`
    said.set(text, (said.get(text) ?? 0) + 1)
  }
  const ended = '3 tsnet: finding container web: it has ended, its network namespace is gone'
  expect([...said]).toEqual([[ended, 5]])
})
