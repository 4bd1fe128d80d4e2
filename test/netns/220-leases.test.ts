/**
 * Who gets which address: many at a time, pools that are full, addresses of the
 * dead, addresses that are asked for.
 *
 * @module
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ContainerNetwork } from '../../lib/model/attachment.ts'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { differences, layStreet, leavesNothing } from './traceless.ts'

let lab: Lab
let host: Host

beforeEach(async () => {
  needs('root', 'ip', 'nft', 'veth', 'bridge', 'ipv6')
  lab = await createLab()
  host = (await layStreet(lab)).host
})

afterEach(async () => {
  await lab?.dispose()
})

const env = { TSNET_FIREWALL: 'nftables' }

const create = (...words: string[]): Promise<unknown> => host.tsnet('network', 'create', ...words, { env })

/** Sets up a new container and says which addresses it got. */
async function connect(...words: string[]): Promise<Container & { readonly addresses: string }> {
  const box = await host.container()
  const answer = await host.tsnetJson<ContainerNetwork>('setup', '--netns', box.netns, ...words, { env })
  return Object.assign(box, { addresses: answer.attachments.flatMap((one) => one.addresses).join(' ') })
}

async function disconnect(...boxes: readonly Container[]): Promise<void> {
  for (const box of boxes) await host.tsnet('teardown', '--netns', box.netns)
}

/** A set-up that must fail: its whole error, and it has changed nothing. */
async function refused(...words: string[]): Promise<string> {
  const box = await host.container()
  let text = ''
  const changed = await differences(host, async () => {
    const { stderr, exitCode } = await host.tsnet('setup', '--netns', box.netns, '--id', 'late', ...words, {
      env,
      expectExit: 'any',
    })
    text = `\n${stderr}exit ${exitCode}\n`
  })
  expect(changed).toEqual([])
  await box.kill()
  return text
}

describe('fifty at a time', () => {
  it('get fifty addresses, from one process and from several, and give all of them back', async () => {
    const names = Array.from({ length: 50 }, (_, i) => `n${i}`)
    await host.sh(names.map((name) => `ip netns add ${name}`).join('\n'), { timeoutMs: 60_000 })
    const [inOne, inTwo, singly] = [names.slice(0, 22), names.slice(22, 44), names.slice(44)]
    const crowd = async (task: string, words: readonly string[]): Promise<readonly Answer[]> =>
      (await host.node('test/netns/agents/crowd.ts', task, '3', ...words, { timeoutMs: 100_000 })).stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Answer)
    interface Answer {
      readonly name: string
      readonly addresses: readonly string[]
    }
    await leavesNothing(host, async () => {
      const answers = await Promise.all([
        crowd('setup', inOne),
        crowd('setup', inTwo),
        ...singly.map(async (name) => {
          const words = ['--name', name, '--id', name, '-p', '80']
          const { attachments } = await host.tsnetJson<ContainerNetwork>('setup', ...words, {
            env,
            timeoutMs: 100_000,
          })
          return [{ name, addresses: attachments.flatMap((one) => one.addresses) }]
        }),
      ])
      const got = answers.flat()
      expect(got.map(({ name }) => name).sort()).toEqual([...names].sort())
      const addresses = got.flatMap((one) => one.addresses)
      expect(new Set(addresses).size).toBe(100)
      const v4 = addresses.filter((address) => !address.includes(':'))
      expect(v4.map((address) => Number(/\.(\d+)\//.exec(address)?.[1])).sort((a, b) => a - b)).toEqual(
        Array.from({ length: 50 }, (_, i) => i + 2),
      )
      expect(await host.tsnetJson('check', { timeoutMs: 30_000 })).toEqual([])
      const gone = await Promise.all([
        crowd('teardown', inOne),
        crowd('teardown', inTwo),
        ...singly.map((name) => host.tsnet('teardown', name, { timeoutMs: 100_000 })),
      ])
      expect(gone).toHaveLength(8)
    })
  })
})

describe('a pool', () => {
  it('that is full says who holds it', async () => {
    await leavesNothing(host, async () => {
      await create('tiny', '--subnet', '10.90.0.0/29')
      const boxes = []
      for (const id of ['a', 'b', 'c', 'd', 'e']) {
        boxes.push(
          await connect('--network', 'tiny', '--id', id, ...(id === 'c' ? ['--container-name', 'web'] : [])),
        )
      }
      expect(boxes.map(({ addresses }) => addresses)).toEqual([
        '10.90.0.2/29',
        '10.90.0.3/29',
        '10.90.0.4/29',
        '10.90.0.5/29',
        '10.90.0.6/29',
      ])
      expect(await refused('--network', 'tiny')).toMatchInlineSnapshot(`
        "
        tsnet: leasing an address on network tiny: all of 10.90.0.0/29 are taken
          field: --network
          value: tiny
          hint: held by 10.90.0.2 a, 10.90.0.3 b, 10.90.0.4 web (c), 10.90.0.5 d, 10.90.0.6 e; "tsnet network inspect tiny" shows all
        exit 4
        "
      `)
      await disconnect(...boxes)
      await host.tsnet('network', 'rm', 'tiny')
    })
  })

  it('that is full takes back what the dead have, when it needs it and not before', async () => {
    await leavesNothing(host, async () => {
      await create('tiny', '--subnet', '10.90.0.0/29')
      const boxes = []
      for (let i = 0; i < 3; i++) boxes.push(await connect('--network', 'tiny', '-p', `${8000 + i}:80`))
      for (const box of boxes) await box.end()
      const young = [await connect('--network', 'tiny'), await connect('--network', 'tiny')]
      expect(young.map(({ addresses }) => addresses)).toEqual(['10.90.0.5/29', '10.90.0.6/29'])
      expect(await host.tsnetJson<unknown[]>('ls')).toHaveLength(5)
      young.push(await connect('--network', 'tiny', '-p', '8000:80'))
      expect(young[2]?.addresses).toBe('10.90.0.2/29')
      expect(await host.tsnetJson<unknown[]>('ls')).toHaveLength(3)
      await young[2]?.serve.tcp(80)
      expect(await host.probe.tcp('127.0.0.1', 8000)).toBe('reached')
      await disconnect(...young)
      await host.tsnet('network', 'rm', 'tiny')
    })
  })

  it('hands out next after last, and begins again at its end', async () => {
    await leavesNothing(host, async () => {
      await create('tiny', '--subnet', '10.90.0.0/29', '--gateway', '10.90.0.3')
      const seen = []
      for (let i = 0; i < 7; i++) {
        const box = await connect('--network', 'tiny')
        seen.push(box.addresses)
        await disconnect(box)
      }
      expect(seen).toEqual([
        '10.90.0.1/29',
        '10.90.0.2/29',
        '10.90.0.4/29',
        '10.90.0.5/29',
        '10.90.0.6/29',
        '10.90.0.1/29',
        '10.90.0.2/29',
      ])
      await host.tsnet('network', 'rm', 'tiny')
    })
  })

  it('may be as large as a /8', async () => {
    await leavesNothing(host, async () => {
      await create('vast', '--subnet', '11.0.0.0/8', '--subnet', 'fd00::/16')
      const boxes = [
        await connect('--network', 'vast:ip=11.255.255.254,ip6=fd00:ffff:ffff:ffff:ffff:ffff:ffff:ffff'),
        await connect('--network', 'vast'),
        await connect('--network', 'vast:ip=11.1.2.3'),
      ]
      expect(boxes.map(({ addresses }) => addresses)).toEqual([
        '11.255.255.254/8 fd00:ffff:ffff:ffff:ffff:ffff:ffff:ffff/16',
        '11.0.0.2/8 fd00::2/16',
        '11.1.2.3/8 fd00::3/16',
      ])
      await boxes[0]?.serve.tcp(80)
      expect(await boxes[1]?.probe.tcp('11.255.255.254', 80)).toBe('reached')
      expect(await boxes[1]?.probe.tcp('fd00:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 80)).toBe('reached')
      await disconnect(...boxes)
      await host.tsnet('network', 'rm', 'vast')
    })
  })
})

describe('an address that is asked for', () => {
  it('is refused when it cannot be had, with the reason and the way out', async () => {
    await leavesNothing(host, async () => {
      await create(
        'shop',
        '--subnet',
        '10.90.0.0/24',
        '--subnet',
        'fd00:90::/64',
        '--aux-address',
        'nas=10.90.0.9',
      )
      const box = await connect('--network', 'shop:ip=10.90.0.7', '--id', 'c1', '--container-name', 'web')
      expect(await refused('--network', 'shop:ip=10.90.0.7')).toMatchInlineSnapshot(`
        "
        tsnet: leasing 10.90.0.7 on network shop: held by web (c1)
          field: ip
          value: 10.90.0.7
          hint: choose another address, or leave it out to get a free one
        exit 4
        "
      `)
      expect(await refused('--network', 'shop:ip=10.90.0.1')).toMatchInlineSnapshot(`
        "
        tsnet: checking address 10.90.0.1: it is the gateway
          field: ip
          value: 10.90.0.1
          hint: choose one from 10.90.0.2 to 10.90.0.254, or leave it out
        exit 2
        "
      `)
      expect(await refused('--network', 'shop:ip=10.91.0.7')).toMatchInlineSnapshot(`
        "
        tsnet: checking address 10.91.0.7: it is outside subnet 10.90.0.0/24
          field: ip
          value: 10.91.0.7
          hint: choose one from 10.90.0.2 to 10.90.0.254, or leave it out
        exit 2
        "
      `)
      expect(await refused('--network', 'shop:ip=10.90.0.0')).toMatchInlineSnapshot(`
        "
        tsnet: checking address 10.90.0.0: it is the network address of 10.90.0.0/24
          field: ip
          value: 10.90.0.0
          hint: choose one from 10.90.0.2 to 10.90.0.254, or leave it out
        exit 2
        "
      `)
      expect(await refused('--network', 'shop:ip=10.90.0.255')).toMatchInlineSnapshot(`
        "
        tsnet: checking address 10.90.0.255: it is the broadcast address of 10.90.0.0/24
          field: ip
          value: 10.90.0.255
          hint: choose one from 10.90.0.2 to 10.90.0.254, or leave it out
        exit 2
        "
      `)
      expect(await refused('--network', 'shop:ip=10.90.0.9')).toMatchInlineSnapshot(`
        "
        tsnet: checking address 10.90.0.9: it is reserved for "nas"
          field: ip
          value: 10.90.0.9
          hint: choose one from 10.90.0.2 to 10.90.0.254, or leave it out
        exit 2
        "
      `)
      expect(await refused('--network', 'shop:ip6=fd00:90::')).toMatchInlineSnapshot(`
        "
        tsnet: checking address fd00:90::: it is the subnet-router anycast address of fd00:90::/64 (RFC 4291)
          field: ip6
          value: fd00:90::
          hint: choose one from fd00:90::2 to fd00:90::ffff:ffff:ffff:ffff, or leave it out
        exit 2
        "
      `)
      expect(await refused('--network', 'shop:ip6=fd00:91::7')).toMatchInlineSnapshot(`
        "
        tsnet: checking address fd00:91::7: it is outside subnet fd00:90::/64
          field: ip6
          value: fd00:91::7
          hint: choose one from fd00:90::2 to fd00:90::ffff:ffff:ffff:ffff, or leave it out
        exit 2
        "
      `)
      await disconnect(box)
      await host.tsnet('network', 'rm', 'shop')
    })
  })

  it('of a family the network does not have is refused', async () => {
    await leavesNothing(host, async () => {
      await create('four', '--subnet', '10.90.0.0/24')
      expect(await refused('--network', 'four:ip6=fd00:90::7')).toMatchInlineSnapshot(`
        "
        tsnet: checking address fd00:90::7: network four has no IPv6 subnet
          field: ip6
          value: fd00:90::7
          hint: leave it out, or create the network with --ipv6
        exit 2
        "
      `)
      await host.tsnet('network', 'rm', 'four')
    })
  })

  it('is free again when its container is dead', async () => {
    await leavesNothing(host, async () => {
      await create('shop', '--subnet', '10.90.0.0/24')
      const old = await connect('--network', 'shop:ip=10.90.0.7')
      await old.end()
      const young = await connect('--network', 'shop:ip=10.90.0.7')
      expect(young.addresses).toBe('10.90.0.7/24')
      await disconnect(young)
      await host.tsnet('network', 'rm', 'shop')
    })
  })
})
