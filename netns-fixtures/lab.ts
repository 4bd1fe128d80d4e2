/**
 * The lab: throwaway hosts, wired together, gone without a trace at the end.
 *
 * Nothing here has a name that another test could meet. Hosts are known by the
 * pid of a process, so test files run in parallel, and when the test worker is
 * killed the hosts end by themselves. Does not touch the machine's own network
 * (test/setup.ts compares it before and after every run).
 *
 * @module
 */
import { type Container, createHost, type Host, type HostOptions } from './host.ts'
import type { Place } from './place.ts'
import { layWire, type Wire, type WireOptions } from './wire.ts'

/** Hosts of one test, disposed together. */
export interface Lab extends AsyncDisposable {
  readonly hosts: readonly Host[]
  /** Makes a host: lo up, its own /run, /dev/shm, /sys, /etc and /var/lib, no way to anywhere. Takes about 30 ms. */
  host(name: string, options?: HostOptions): Promise<Host>
  /** Makes a container, an empty network namespace, inside a host. */
  container(host: Host, options?: { readonly name?: string }): Promise<Container>
  /** Connects two hosts; the first gets the first address of each prefix, the second the second. */
  wire(first: Place, second: Place, prefix: string, options?: WireOptions): Promise<Wire>
  /** Kills everything in the lab and waits for it; repeatable. `await using` calls it. */
  dispose(): Promise<void>
}

/** Makes an empty lab: `await using lab = await createLab()`. */
export async function createLab(): Promise<Lab> {
  const hosts: Host[] = []
  const dispose = async (): Promise<void> => {
    const ends = await Promise.allSettled(hosts.splice(0).map((host) => host.dispose()))
    const failed = ends.find((end) => end.status === 'rejected')
    if (failed) throw failed.reason
  }
  return {
    hosts,
    host: async (name, options) => {
      if (hosts.some((host) => host.name === name)) throw new Error(`this lab already has a host ${name}`)
      const host = await createHost(name, options)
      hosts.push(host)
      return host
    },
    container: (host, options) => host.container(options?.name),
    wire: layWire,
    dispose,
    [Symbol.asyncDispose]: dispose,
  }
}
