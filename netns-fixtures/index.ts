/**
 * tsnet/testing: throwaway hosts for tests of whatever touches a network.
 *
 * ```ts
 * import { createLab, snapshot, snapshotDifference } from 'tsnet/testing'
 *
 * await using lab = await createLab()
 * const host = await lab.host('host', { forwarding: true })
 * const box = await lab.container(host)
 * const before = await snapshot(host)
 * await host.tsnet('setup', '--netns', box.netns, '-p', '8080:80')
 * await box.serve.http(80, { body: 'hello' })
 * console.log((await host.probe.http('127.0.0.1', 8080)).body)
 * await host.tsnet('teardown', '--netns', box.netns)
 * console.log(snapshotDifference(before, await snapshot(host)))
 * ```
 *
 * Root is needed, and iproute2 and util-linux; nothing of the machine is touched.
 * An engine without a kernel, for tests without root, is in `tsnet/testing/memory`.
 *
 * @module
 */

export { Container, Host, type HostOptions } from './host.ts'
export { createLab, type Lab } from './lab.ts'
export type { HostSetting } from './namespaces.ts'
export type { TableOptions } from './normalise.ts'
export { type Arguments, Place } from './place.ts'
export type { ProbeOptions, Probes, ServeOptions, Server, Servers } from './probes/client.ts'
export type { Answer, Detail, Peer, Verdict } from './probes/messages.ts'
export { type Background, CommandFailure, type RunOptions, type RunResult } from './process.ts'
export {
  type Snapshot,
  type SnapshotOptions,
  snapshot,
  snapshotDifference,
} from './snapshot.ts'
export type { Wire, WireEnd, WireOptions } from './wire.ts'
