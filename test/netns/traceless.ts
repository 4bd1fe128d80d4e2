/**
 * What every test of the main job does around its work: look before, look
 * after, and find no difference.
 *
 * @module
 */
import { expect } from 'vitest'
import type { Host } from '../../netns-fixtures/host.ts'
import type { Lab } from '../../netns-fixtures/lab.ts'
import type { Place } from '../../netns-fixtures/place.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'

/** A host that forwards already, so that nothing documented changes either, and the world beside it. */
export interface Street {
  readonly host: Host
  /** 198.51.100.2 and 2001:db8:1::2; knows no way back to containers. */
  readonly outside: Host
}

/** `host` has 198.51.100.1 and 2001:db8:1::1, and its default routes lead to `outside`. */
export async function layStreet(
  lab: Lab,
  options: { readonly iptables?: 'nft' | 'legacy'; readonly mtu?: number } = {},
): Promise<Street> {
  const { mtu, ...rest } = options
  const host = await lab.host('host', { forwarding: true, ...rest })
  const outside = await lab.host('outside')
  await lab.wire(host, outside, '198.51.100.0/24', {
    v6: '2001:db8:1::/64',
    defaultRoute: 'first',
    ...(mtu === undefined ? {} : { mtu }),
  })
  // Containers are told what the host's says beside its servers: not what this machine happens to have.
  await host.sh('echo nameserver 198.51.100.2 > /etc/resolv.conf')
  // Nobody here sends router advertisements, so tsnet need not provide for them.
  await host.sh('echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_ra')
  return { host, outside }
}

/** Runs `work`; afterwards links, addresses, routes, rules, sysctls and state files are those from before. */
export async function leavesNothing<T>(host: Host, work: () => Promise<T>): Promise<T> {
  const before = await snapshot(host)
  const result = await work()
  expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  return result
}

/**
 * Waits until the kernel says that these links are up, and has given them their link-local addresses: it does so a little
 * after their carrier, and behind whoever takes links away anywhere on the machine.
 */
export async function linksUp(place: Place, ...names: readonly string[]): Promise<void> {
  for (const name of names)
    await place.sh(`until ip -br addr show dev ${name} | grep -q ' UP .* fe80:'; do sleep 0.02; done`)
}

/** What `work` leaves changed: nothing, for refusals. */
export async function differences(host: Host, work: () => Promise<unknown>): Promise<readonly string[]> {
  const before = await snapshot(host)
  await work()
  return snapshotDifference(before, await snapshot(host))
}

/**
 * An answer of tsnet with what differs from run to run replaced: namespace
 * cookies, boot ids, times, the chosen ULA prefix (one group less where the last is zero), pids in paths.
 */
export function steady<T>(answer: T): T {
  const text = JSON.stringify(answer)
    .replaceAll(/fd[0-9a-f]{2}(:[0-9a-f]{1,4}){2,3}::/g, 'fdxx::')
    .replaceAll(/"cookie":"\d+"/g, '"cookie":"COOKIE"')
    .replaceAll(/"bootId":"[0-9a-f-]+"/g, '"bootId":"BOOT"')
    .replaceAll(/"createdAt":"[^"]+"/g, '"createdAt":"THEN"')
    .replaceAll(/\/proc\/\d+\/ns\/net/g, '/proc/PID/ns/net')
  return JSON.parse(text) as T
}
