/**
 * Files of a living host damaged in the ways disks and people do: everybody else
 * is served as before, whoever reads one says so on standard error, and in the
 * end everything can be taken down.
 *
 * @module
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { cni } from './cni.ts'
import { layStreet, leavesNothing, type Street } from './traceless.ts'

let lab: Lab
let street: Street
let host: Host

beforeAll(async () => {
  needs('root', 'ip', 'nft', 'iptables-nft', 'veth', 'bridge', 'built')
  lab = await createLab()
  street = await layStreet(lab)
  host = street.host
}, 60_000)

afterAll(() => lab?.dispose())

const conf = {
  cniVersion: '1.0.0',
  name: 'n88',
  type: 'tsnet',
  bridge: 'cni88',
  ipam: { subnets: ['10.70.88.0/24'] },
}

/** Each with the backend it is tried with, so that both are. */
const ways: readonly (readonly [string, string, 'nftables' | 'iptables'])[] = [
  ['cut', 'truncate -s 20 $f', 'nftables'],
  ['empty', ': > $f', 'iptables'],
  ['random bytes', 'head -c 200 /dev/urandom > $f', 'nftables'],
  ['a folder in its place', 'rm $f; mkdir $f', 'iptables'],
  ['another document', `echo '{"version":7}' > $f`, 'nftables'],
]

interface Said {
  stderr: string
}

/** `tsnet` with what it says collected. */
const speaking =
  (said: Said, backend: string) =>
  async (...words: readonly string[]): Promise<string> => {
    const env = { TSNET_FIREWALL: backend, TSNET_VIA: 'local' }
    const { stdout, stderr } = await host.tsnet(...words, { env })
    said.stderr += stderr
    return stdout
  }

async function living(tsnet: ReturnType<typeof speaking>): Promise<readonly [Container, Container]> {
  const [web, db] = [await host.container(), await host.container()]
  await tsnet('network', 'create', 'front', '--subnet', '10.73.0.0/24')
  await tsnet('setup', '--netns', web.netns, '--id', 'web', '--network', 'front', '-p', '8080:80')
  await tsnet(
    'setup',
    '--netns',
    db.netns,
    '--id',
    'db',
    '--container-name',
    'db',
    '--network',
    'front',
    '-p',
    '8090:80',
  )
  await db.serve.http(80, { body: 'db' })
  return [web, db]
}

it.each(ways)('%s: everybody else is served, and all goes in the end', async (_how, hurt, backend) => {
  const said: Said = { stderr: '' }
  const tsnet = speaking(said, backend)
  const call = { id: 'cni', env: { TSNET_FIREWALL: backend, TSNET_VIA: 'local' } }
  const [third, fourth] = [await host.container(), await host.container()]
  await leavesNothing(host, async () => {
    await living(tsnet)
    expect(said.stderr).toBe('')
    const files = [
      ...['containers/web.json', 'units/network.front.json', `units/rules.front@${backend}.json`, 'boot'],
      ...['leases/front/10.73.0.3', 'leases/front/.last4', 'ports/tcp/8090/any', 'names/db'],
    ]
    await host.sh(`cd /run/tsnet && for f in ${files.join(' ')}; do ${hurt}; done`)
    expect((await tsnet('ls', '--quiet')).trim()).toBe('db')
    await tsnet('setup', '--netns', third.netns, '--id', 'third', '--network', 'front', '-p', '8085:80')
    await tsnet('gc')
    expect((await cni(host, 'ADD', conf, { ...call, netns: fourth.netns })).exitCode).toBe(0)
    const { stdout } = await host.tsnet('doctor', '--json', { expectExit: 'any' })
    const codes = (JSON.parse(stdout) as readonly { readonly code: string }[]).map(({ code }) => code)
    // Nobody serves names outside here.
    expect(codes.filter((code) => code !== 'dns-upstream-dead')).toEqual(['record-unreadable'])
    expect((await street.outside.probe.http('198.51.100.1', 8090)).body).toBe('db')
    expect((await cni(host, 'DEL', conf, { ...call, netns: fourth.netns })).exitCode).toBe(0)
    for (const id of ['third', 'web', 'db']) expect(await tsnet('teardown', id)).toContain(`took down ${id}`)
    await tsnet('network', 'rm', 'front')
    // What was kept is the admin's to look at; nothing else is left.
    const kept = `find /run/tsnet -name '*.unreadable'`
    expect((await host.sh(`${kept} | sort`)).stdout.trim().split('\n')).toEqual([
      '/run/tsnet/boot.unreadable',
      '/run/tsnet/units/network.front.json.unreadable',
      `/run/tsnet/units/rules.front@${backend}.json.unreadable`,
    ])
    await host.sh(`rm -r $(${kept})`)
    await tsnet('gc')
  })
  for (const name of [
    'containers/web.json',
    'units/network.front.json',
    `units/rules.front@${backend}.json`,
    'boot',
  ])
    expect(said.stderr).toContain(`/run/tsnet/${name}`)
  expect(said.stderr).toContain('the lease of 10.73.0.3 on front had lost its owner: it is db')
})
