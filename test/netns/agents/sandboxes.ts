/**
 * Network namespaces a program in a throwaway host makes for itself.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readlinkSync } from 'node:fs'

/** Empty namespaces, each held by a sleeping process that ends with this one. */
export class Sandboxes {
  readonly #holders = new Map<string, ChildProcess>()

  get paths(): readonly string[] {
    return [...this.#holders.keys()]
  }

  /** @returns the path of a new one */
  async make(): Promise<string> {
    const holder = spawn('unshare', ['-n', 'sh', '-c', 'echo ready; read end'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    await once(holder.stdout as NodeJS.ReadableStream, 'data')
    const path = `/proc/${holder.pid}/ns/net`
    if (readlinkSync(path) === readlinkSync('/proc/self/ns/net'))
      throw new Error(`${path} is our own namespace`)
    this.#holders.set(path, holder)
    return path
  }

  async end(path: string): Promise<void> {
    const holder = this.#holders.get(path)
    this.#holders.delete(path)
    if (holder === undefined) return
    const exit = once(holder, 'exit')
    holder.kill('SIGKILL')
    await exit
  }

  async endAll(): Promise<void> {
    for (const path of this.paths) await this.end(path)
  }
}
