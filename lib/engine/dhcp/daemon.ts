/**
 * The keeper of DHCP leases as a process: `dhcp daemon`.
 *
 * Leases are written down beside the socket and taken up by the next keeper of
 * the same boot: ending one, or killing it, costs no container its address.
 *
 * @module
 */

import { rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { asTsnetError, fail } from '../../errors/codes.ts'
import { bootId, isAlive } from '../../kernel/namespace/netns.ts'
import { shortHash } from '../../model/hash.ts'
import { setAside } from '../../state/aside.ts'
import { checked } from '../../state/checked.ts'
import { readJson, removeFile, writeJson } from '../../state/files.ts'
import { listFolder, makeFolder, removeEmptyFolder } from '../../state/folders.ts'
import { leaseFault } from '../../state/shapes.ts'
import { sayOnce } from '../heal/sayonce.ts'
import {
  askKeeper,
  type DhcpAnswer,
  type DhcpRequest,
  type LeaseOwner,
  ownerKey,
  questionIn,
} from './control.ts'
import { type KeptState, LeaseKeeper } from './lease.ts'
import type { Patience } from './settings.ts'

export interface KeeperOptions extends Patience {
  readonly socketPath: string
  readonly pidFile?: string
  /** Put before the paths of sandboxes. */
  readonly hostPrefix: string
  /** Ends with its last lease. */
  readonly onDemand: boolean
  readonly log: (line: string) => void
}

/** Where the leases of a socket are written down. */
function leasesFolder(socketPath: string): string {
  return `${socketPath.replace(/\.sock$/, '')}.leases`
}

/** systemd's first socket. */
const systemdFd = 3
/** One that nobody has asked for a lease by then has been forgotten. */
const firstWordMs = 30_000
const statusLimitMs = 2000
/** In characters. A thousand living attachments in a `gc` take a tenth of it. */
const longestQuestion = 1024 * 1024

/**
 * Keeps leases until `signal`.
 *
 * @throws TSNET_DAEMON_RUNNING (conflict) where another keeper answers at the socket
 */
export async function runKeeper(options: KeeperOptions, signal: AbortSignal): Promise<void> {
  const keeper = new Keeper(options)
  await keeper.takeUp()
  const server = createServer({ allowHalfOpen: true }, (socket) => converse(socket, keeper))
  const activated = process.env['LISTEN_PID'] === String(process.pid)
  if (activated) await listening(server, { fd: systemdFd })
  else await claim(server, options.socketPath)
  if (options.pidFile !== undefined) writeFileSync(options.pidFile, `${process.pid}\n`)
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
    keeper.onIdle = resolve
    if (options.onDemand) setTimeout(() => keeper.endIfIdle({ now: true }), firstWordMs)
  })
  // Whoever comes from now on finds no socket and starts the next keeper; who is connected is answered.
  if (!activated) rmSync(options.socketPath, { force: true })
  if (options.onDemand) {
    rmSync(`${options.socketPath}.log`, { force: true })
    removeEmptyFolder(dirname(options.socketPath))
  }
  if (options.pidFile !== undefined) rmSync(options.pidFile, { force: true })
  server.close()
  await keeper.finish()
}

async function claim(server: Server, path: string): Promise<void> {
  makeFolder(dirname(path))
  if ((await askKeeper(path, { op: 'status' }, statusLimitMs).catch(() => ({ ok: true }))) !== undefined) {
    throw fail('TSNET_DAEMON_RUNNING', {
      message: `keeping DHCP leases at ${path}: a keeper answers there already`,
      value: path,
      hint: 'end it first, or give another -socketpath',
    })
  }
  // Of one that was killed.
  rmSync(path, { force: true })
  await listening(server, { path })
}

function listening(
  server: Server,
  where: { readonly path: string } | { readonly fd: number },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(where, resolve)
  })
}

function converse(socket: Socket, keeper: Keeper): void {
  let text = ''
  let asked = false
  socket.setEncoding('utf8')
  socket.on('error', () => socket.destroy())
  // Who hangs up before a question is whole waits for no answer.
  socket.on('end', () => {
    if (!asked) socket.destroy()
  })
  socket.on('data', (piece: string) => {
    if (asked) return
    text += piece
    const end = text.indexOf('\n')
    if (end < 0 && text.length > longestQuestion) socket.destroy()
    if (end < 0) return
    asked = true
    void keeper.answer(text.slice(0, end)).then((answer) => {
      socket.end(JSON.stringify(answer))
      keeper.endIfIdle()
    })
  })
}

class Keeper {
  readonly #options: KeeperOptions
  readonly #leases = new Map<string, LeaseKeeper>()
  #used = false
  /** Questions that are not answered yet. */
  #busy = 0
  readonly #answering = new Set<Promise<DhcpAnswer>>()
  onIdle: () => void = () => undefined

  constructor(options: KeeperOptions) {
    this.#options = options
  }

  /** What an earlier keeper of this boot has written down. */
  async takeUp(): Promise<void> {
    const folder = leasesFolder(this.#options.socketPath)
    for (const name of listFolder(folder).filter((one) => one.endsWith('.json'))) {
      const state = this.#kept(`${folder}/${name}`)
      if (
        state === undefined ||
        state.sandbox.bootId !== bootId() ||
        !isAlive(state.order.netns, state.sandbox)
      ) {
        removeFile(`${folder}/${name}`)
        continue
      }
      this.#used = true
      const lease = this.#keep(state.order)
      this.#leases.set(ownerKey(state.order), lease)
      await lease.resume(state)
    }
    removeEmptyFolder(folder)
  }

  /** A lease that cannot be read is lost to us, and the others are not: its container asks the server again. */
  #kept(path: string): KeptState | undefined {
    const { value, why } = checked(() => readJson<KeptState>(path), leaseFault)
    if (why !== undefined) setAside(path, why, this.#options.log)
    return value
  }

  async answer(line: string): Promise<DhcpAnswer> {
    this.#busy++
    const answering = this.#carryOut(line).catch((error: unknown): DhcpAnswer => {
      const { code, message, hint } = asTsnetError(error)
      return { ok: false, code, message, ...(hint === undefined ? {} : { hint }) }
    })
    this.#answering.add(answering)
    try {
      return await answering
    } finally {
      this.#answering.delete(answering)
      this.#busy--
    }
  }

  /** Not before anybody has asked for a lease, unless `now`. */
  endIfIdle({ now = this.#used }: { readonly now?: boolean } = {}): void {
    if (this.#options.onDemand && now && this.#busy === 0 && this.#leases.size === 0) this.onIdle()
  }

  async finish(): Promise<void> {
    await Promise.all(this.#answering)
    for (const lease of this.#leases.values()) lease.stop()
  }

  async #carryOut(line: string): Promise<DhcpAnswer> {
    const request = questionIn(line)
    switch (request.op) {
      case 'acquire':
        return this.#acquire(request.order)
      case 'release':
        await this.#release(request.owner)
        return { ok: true }
      case 'check': {
        const lease = this.#leases.get(ownerKey(request.owner))?.lease
        return { ok: true, ...(lease === undefined ? {} : { lease }) }
      }
      case 'gc': {
        const { network, valid } = request
        const dead = [...this.#leases.values()].filter(
          ({ order }) =>
            order.network === network &&
            !valid.some((one) => one.container === order.container && one.ifname === order.ifname),
        )
        await Promise.all(dead.map(({ order }) => this.#release(order)))
        return { ok: true }
      }
      case 'status':
        return { ok: true, leases: this.#leases.size }
    }
  }

  async #acquire(given: Extract<DhcpRequest, { op: 'acquire' }>['order']): Promise<DhcpAnswer> {
    this.#used = true
    const order = { ...given, netns: `${this.#options.hostPrefix}${given.netns}` }
    const key = ownerKey(order)
    const before = this.#leases.get(key)
    // An attachment of that name whose DEL never came.
    before?.stop()
    const lease = this.#keep(order)
    this.#leases.set(key, lease)
    try {
      return { ok: true, lease: await lease.acquire() }
    } catch (error) {
      if (this.#leases.get(key) === lease) this.#forget(order)
      throw error
    }
  }

  async #release(owner: LeaseOwner): Promise<void> {
    const lease = this.#leases.get(ownerKey(owner))
    this.#forget(owner)
    await lease?.release()
  }

  #keep(order: KeptState['order']): LeaseKeeper {
    // It may last for days, and the log of a keeper begun on demand lies in memory.
    const hindrance = sayOnce((why) =>
      this.#options.log(`lease of ${ownerKey(order)} is not renewed yet: ${String(why)}`),
    )
    return new LeaseKeeper(order, this.#options, {
      kept: (state) => {
        hindrance.over()
        if (this.#leases.get(ownerKey(order))?.order === order) writeJson(this.#file(order), state)
      },
      hindered: hindrance.say,
      lost: (_, why) => {
        this.#options.log(`lease of ${ownerKey(order)} has ended: ${why}`)
        if (this.#leases.get(ownerKey(order))?.order === order) this.#forget(order)
        this.endIfIdle()
      },
    })
  }

  #forget(owner: LeaseOwner): void {
    this.#leases.delete(ownerKey(owner))
    removeFile(this.#file(owner))
    removeEmptyFolder(leasesFolder(this.#options.socketPath))
  }

  #file(owner: LeaseOwner): string {
    const name = shortHash([owner.network, owner.container, owner.ifname], 32)
    return `${leasesFolder(this.#options.socketPath)}/${name}.json`
  }
}
