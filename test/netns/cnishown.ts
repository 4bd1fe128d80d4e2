/**
 * One CNI plugin on a fresh host: what a command shows after ADD, and a DEL that
 * must succeed.
 *
 * @module
 */
import { expect } from 'vitest'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { addChain, box, type Conf, cni } from './cni.ts'

export const common: Conf = { cniVersion: '1.0.0', name: 'n1' }
export const ipam: Conf = { type: 'host-local', ranges: [[{ subnet: '10.22.0.0/24' }]] }
export const bridge: Conf = { ...common, type: 'bridge', bridge: 'cni0', isGateway: true, ipam }

export async function look(place: Host | Container, command: string): Promise<string> {
  return (await place.sh(command)).stdout
}

/** ADD on a fresh host, what `command` shows then on the host and inside, and a DEL that must succeed. */
export async function shown(
  conf: Conf,
  command: string,
  call: { readonly args?: string } = {},
): Promise<{ host: string; inside: string; code: number }> {
  await using lab = await createLab()
  const host = await lab.host('host')
  await host.sh(
    'ip link add out type veth peer name out2 && ip link set out up && ip link set out2 up && ip addr add 192.0.2.2/24 dev out && ip route add default via 192.0.2.1',
  )
  const container = await box(host)
  const added = await cni(host, 'ADD', conf, { netns: container.netns, ...call })
  if (added.exitCode !== 0)
    return { host: '', inside: `${added.json.msg} ${added.json.details ?? ''}`, code: added.json.code }
  const looks = { host: await look(host, command), inside: await look(container, command), code: 0 }
  expect((await cni(host, 'DEL', conf, { netns: container.netns, prevResult: added.json })).stdout).toBe('')
  expect(await look(container, 'ip -br link')).not.toContain('eth0')
  return looks
}

/** The same for a plugin behind a bridge; `after` is what the command shows after DEL. */
export async function chained(
  conf: Conf,
  command: string,
  call: { readonly args?: string } = {},
): Promise<{ host: string; inside: string; after: string; result: unknown }> {
  await using lab = await createLab()
  const host = await lab.host('host')
  const container = await box(host)
  const list = [bridge, { ...common, ...conf }]
  const result = await addChain(host, list, { netns: container.netns, ...call })
  const [first, second] = [await look(host, command), await look(container, command)]
  const check = await cni(host, 'CHECK', list[1] as Conf, {
    netns: container.netns,
    prevResult: result,
    ...call,
  })
  expect(check.stdout).toBe('')
  expect(
    (await cni(host, 'DEL', list[1] as Conf, { netns: container.netns, prevResult: result, ...call })).stdout,
  ).toBe('')
  return {
    host: first,
    inside: second,
    after: `${await look(host, command)}${await look(container, command)}`,
    result,
  }
}
