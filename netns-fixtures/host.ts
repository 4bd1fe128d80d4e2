/**
 * A throwaway host, and the containers inside it.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Holder,
  type HostSetting,
  holdContainer,
  holdHost,
  type Kept,
  keepNamespace,
  keepRun,
  killAllOf,
  signalOneOf,
} from './namespaces.ts'
import { Place } from './place.ts'

/** How a host differs from a plain one. */
export interface HostOptions extends HostSetting {
  /** Turns IP forwarding on in both families, as a host that already routes has it. Default: left as the kernel gives it. */
  readonly forwarding?: boolean
}

/** Another network namespace inside a host: lo down, nothing else, one sleeping process. */
export class Container extends Place {
  readonly host: Host
  readonly #holder: Holder

  /** @internal */
  constructor(name: string, holder: Holder, host: Host, hostHolder: Holder) {
    super(name, holder, hostHolder)
    this.host = host
    this.#holder = holder
  }

  /**
   * Kills every process of the container, as the end of a container does.
   *
   * The kernel takes the namespace and its links away a little later, in its
   * own time (`host.waitForLinkGone`).
   */
  async kill(): Promise<void> {
    if (!this.#holder.alive()) return
    await killAllOf([keepNamespace(this.pid)])
  }

  /**
   * {@link kill}, and waits until the kernel has taken its links away: until then it lives for whoever asks the host for
   * its veth.
   *
   * @throws Error after 60 seconds
   */
  async end(): Promise<void> {
    const { stdout } = await this.run(['ip', '-json', 'link', 'show', 'type', 'veth'])
    const ends = (JSON.parse(stdout) as { link_index: number }[]).map(({ link_index }) => `${link_index}`)
    await this.kill()
    const links = `/proc/${this.host.pid}/root/sys/class/net`
    const isThere = (): boolean =>
      readdirSync(links).some((name) => {
        try {
          return ends.includes(readFileSync(`${links}/${name}/ifindex`, 'utf8').trim())
        } catch {
          return false // it went meanwhile
        }
      })
    for (const deadline = Date.now() + 60_000; isThere(); await sleep(10))
      if (Date.now() > deadline)
        throw new Error(`${this.name}: its links are still there after 60 s: ${ends.join(' ')}`)
  }
}

/** A network and mount namespace that looks like a machine of its own. */
export class Host extends Place {
  readonly containers: Container[] = []
  readonly #holder: Holder
  readonly #kept: readonly Kept[]

  /** @internal */
  constructor(name: string, holder: Holder) {
    super(name, holder, holder)
    this.#holder = holder
    this.#kept = [keepRun(holder.pid), keepNamespace(holder.pid)]
  }

  /** Makes a container in this host. */
  async container(name: string = `${this.name}-c${this.containers.length + 1}`): Promise<Container> {
    const container = new Container(name, await holdContainer(name, this.#holder), this, this.#holder)
    this.containers.push(container)
    return container
  }

  /**
   * Waits until a link is gone, as the host end of a killed container's veth goes.
   *
   * @throws Error after `timeoutMs` (default 60 000: it takes down one namespace after the other, a large one in seconds)
   */
  async waitForLinkGone(ifname: string, timeoutMs = 60_000): Promise<void> {
    const deadline = Date.now() + timeoutMs
    while ((await this.run(['ip', 'link', 'show', ifname], { expectExit: 'any' })).exitCode === 0) {
      if (Date.now() > deadline)
        throw new Error(`${this.name}: ${ifname} is still there\n${await this.picture()}`)
      // Whoever takes it away needs the processor, too.
      await sleep(20)
    }
  }

  /**
   * Signals a process of this host by a number that was read from a file: of one that has ended it may be another's by
   * now, on the whole machine.
   *
   * @returns whether there is such a process in this host
   */
  signal(pid: number, signal: NodeJS.Signals): boolean {
    return signalOneOf(this.#kept, pid, signal)
  }

  /** Kills every process of the host and its containers, by pid, and waits for their end. */
  async dispose(): Promise<void> {
    await killAllOf(this.#kept)
  }
}

/** Makes a host; {@link Lab.host} is the way to it for tests. */
export async function createHost(name: string, options: HostOptions = {}): Promise<Host> {
  const host = new Host(name, await holdHost(name, options))
  if (options.forwarding) {
    await host.sh(
      'cd /proc/sys/net; echo 1 > ipv4/ip_forward; [ ! -e ipv6 ] || echo 1 > ipv6/conf/all/forwarding',
    )
  }
  return host
}
