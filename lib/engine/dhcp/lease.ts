/**
 * One lease, from the first question to the end: the state machine of lib/dhcp
 * with a clock and a socket.
 *
 * The socket is open only while an answer is waited for. Time is counted from
 * the boot, so that a corrected clock ends no lease.
 *
 * @module
 */

import { decodeDatagram, encodeDatagram } from '../../dhcp/datagram.ts'
import {
  begin,
  type ClientSettings,
  endMs,
  type Machine,
  type Moment,
  receive,
  release,
  resume,
  type Turn,
  wake,
} from '../../dhcp/machine.ts'
import { decodeMessage, encodeMessage } from '../../dhcp/message.ts'
import type { Lease } from '../../dhcp/options.ts'
import { asTsnetError, fail, isTsnetError } from '../../errors/codes.ts'
import { openPacketLink, type PacketLink, setLinkDown } from '../../kernel/packets/packetlink.ts'
import type { Address } from '../../model/address.ts'
import type { SandboxIdentity } from '../../model/sandbox.ts'
import { type LeaseOrder, ownerKey } from './control.ts'
import { type Patience, settingsOf } from './settings.ts'

/** A lease as it is written down. */
export interface KeptState {
  readonly order: LeaseOrder
  readonly lease: Lease
  readonly leasedMs: number
  readonly sandbox: SandboxIdentity
}

export interface LeaseEvents {
  /** Got or renewed. */
  kept(state: KeptState): void
  /** Something could not be done now, and is tried again while the lease holds. */
  hindered(why: string): void
  /** Over: not renewed, refused, or its interface is gone. */
  lost(order: LeaseOrder, why: string): void
}

/** Interfaces of sandboxes, as a lease needs them. */
export interface LeaseLinks {
  readonly open: typeof openPacketLink
  readonly setDown: typeof setLinkDown
}

const everywhere = '255.255.255.255' as Address
/** Between two looks at the socket: at first often, later seldom. */
const firstLookMs = 5
const lastLookMs = 200
/** Between two tries of what the kernel has refused: half of the time that is left, within these. */
const shortestHindranceMs = 1000
const longestHindranceMs = 60_000
const stopped = 'it was asked for anew, given back, or its keeper ends'
/** Of setTimeout. */
const longestTimerMs = 2_000_000_000

const now = (): Moment => ({
  nowMs: Number(process.hrtime.bigint() / 1_000_000n),
  random: Math.random(),
})

export class LeaseKeeper {
  readonly order: LeaseOrder
  readonly #patience: Patience
  readonly #events: LeaseEvents
  readonly #links: LeaseLinks
  #machine: Machine | undefined
  #link: PacketLink | undefined
  #sandbox: SandboxIdentity | undefined
  #serverMac: Buffer | undefined
  #wakeTimer: NodeJS.Timeout | undefined
  #lookTimer: NodeJS.Timeout | undefined
  #isStopped = false
  #waiting: { readonly resolve: (lease: Lease) => void; readonly reject: (error: Error) => void } | undefined
  /** One thing after the other. */
  #last: Promise<void> = Promise.resolve()

  constructor(
    order: LeaseOrder,
    patience: Patience,
    events: LeaseEvents,
    links: LeaseLinks = { open: openPacketLink, setDown: setLinkDown },
  ) {
    this.order = order
    this.#patience = patience
    this.#events = events
    this.#links = links
  }

  get lease(): Lease | undefined {
    return this.#machine?.lease
  }

  /** @throws TSNET_NO_ANSWER (busy) @throws TSNET_BAD_VALUE, TSNET_NOT_A_NETNS (invalid) */
  async acquire(): Promise<Lease> {
    const limitMs = this.order.patienceMs ?? this.#patience.limitMs
    const leased = new Promise<Lease>((resolve, reject) => {
      this.#waiting = { resolve, reject }
    })
    const limit = setTimeout(() => {
      this.#waiting?.reject(this.#silence(limitMs))
      this.stop()
    }, limitMs)
    try {
      const begun = this.#open().then((link) =>
        this.#do(() => this.#turn(begin(this.#settings(link), now()))),
      )
      // Refused also while the socket is still being opened.
      await Promise.race([begun, leased])
      return await leased
    } catch (error) {
      this.stop()
      throw error
    } finally {
      clearTimeout(limit)
      this.#waiting = undefined
    }
  }

  /** Goes on with what an earlier process has got. */
  async resume({ lease, leasedMs, sandbox }: KeptState): Promise<void> {
    this.#sandbox = sandbox
    this.#machine = resume({ lease, leasedMs })
    await this.#do(() => this.#wake())
  }

  /** Gives the address back, if its interface is still there to say so. */
  async release(): Promise<void> {
    await this.#do(async () => {
      clearTimeout(this.#wakeTimer)
      const machine = this.#machine
      if (machine?.lease === undefined) return
      try {
        const link = await this.#open()
        this.#send(link, release(this.#settings(link), machine, now()))
      } catch {
        // The server takes it back when its time is over.
      }
    })
    this.stop()
  }

  /** Ends for good, and tells nobody but who waits for the lease. What is being done just now finds no socket any more. */
  stop(): void {
    this.#isStopped = true
    this.#waiting?.reject(fail('TSNET_STEP_FAILED', { message: `${ownerKey(this.order)}: ${stopped}` }))
    clearTimeout(this.#wakeTimer)
    this.#close()
    this.#machine = undefined
  }

  #do(work: () => void | Promise<void>): Promise<void> {
    this.#last = this.#last
      .then(() => (this.#isStopped ? undefined : work()))
      .catch((error: unknown) => (this.#isStopped ? undefined : this.#hindered(error)))
    return this.#last
  }

  /** What the kernel refuses now it may grant later; what is gone does not come back. */
  async #hindered(error: unknown): Promise<void> {
    const { message } = asTsnetError(error)
    const machine = this.#machine
    const gone = isTsnetError(error, 'TSNET_NOT_A_NETNS') || isTsnetError(error, 'TSNET_BAD_VALUE')
    if (machine?.lease === undefined || this.#waiting !== undefined || gone)
      return this.#end(message, { down: false })
    this.#close()
    const { nowMs } = now()
    const leftMs = endMs(machine) - nowMs
    const pauseMs = Math.max(shortestHindranceMs, Math.min(leftMs / 2, longestHindranceMs))
    this.#wakeAt(nowMs + Math.min(leftMs, pauseMs))
    this.#events.hindered(message)
  }

  async #turn(turn: Turn): Promise<void> {
    if (this.#isStopped) return
    const before = this.#machine?.phase
    this.#machine = turn.machine
    const { phase, lease, leasedMs, wakeMs } = turn.machine
    if (turn.send !== undefined) {
      const link = await this.#open()
      if (this.#isStopped) return
      this.#send(link, turn)
    }
    if (phase === 'lost') return this.#endInTime()
    if (phase === 'bound') {
      this.#close()
      if (before !== 'bound' && lease !== undefined && this.#sandbox !== undefined) {
        this.#events.kept({ order: this.order, lease, leasedMs: leasedMs ?? 0, sandbox: this.#sandbox })
        this.#waiting?.resolve(lease)
      }
    } else this.#look(firstLookMs)
    clearTimeout(this.#wakeTimer)
    if (wakeMs !== undefined) this.#wakeAt(wakeMs)
  }

  async #wake(): Promise<void> {
    const machine = this.#machine
    if (machine === undefined) return
    // No socket is needed for that, and none may be had.
    if (machine.lease !== undefined && now().nowMs >= endMs(machine)) return this.#endInTime()
    await this.#turn(wake(this.#settings(await this.#open()), machine, now()))
  }

  #endInTime(): Promise<void> {
    return this.#end('its time is over, or the server wants it back', { down: true })
  }

  #wakeAt(wakeMs: number): void {
    clearTimeout(this.#wakeTimer)
    const waitMs = Math.min(Math.max(0, wakeMs - now().nowMs), longestTimerMs)
    this.#wakeTimer = setTimeout(() => {
      void this.#do(async () => {
        if (this.#machine !== undefined && now().nowMs < wakeMs) return this.#wakeAt(wakeMs)
        await this.#wake()
      })
    }, waitMs)
  }

  #look(afterMs: number): void {
    clearTimeout(this.#lookTimer)
    this.#lookTimer = setTimeout(() => {
      void this.#do(async () => {
        const link = this.#link
        if (link === undefined) return
        for (let one = link.receive(); one !== undefined; one = link.receive()) {
          await this.#hear(link, one)
          // An answer may have closed it.
          if (this.#link === undefined) return
        }
        this.#look(Math.min(afterMs * 1.2, lastLookMs))
      })
    }, afterMs)
  }

  async #hear(
    link: PacketLink,
    { packet, from }: { readonly packet: Buffer; readonly from: Buffer },
  ): Promise<void> {
    const datagram = decodeDatagram(packet)
    const message = datagram === undefined ? undefined : decodeMessage(datagram.payload)
    if (message === undefined || this.#machine === undefined) return
    const before = this.#machine
    const turn = receive(this.#settings(link), before, message, now())
    if (turn.machine === before) return
    this.#serverMac = from
    await this.#turn(turn)
  }

  #send(link: PacketLink, { send }: Turn): void {
    if (send === undefined) return
    const { message, to } = send
    const from = message.clientAddress
    const direct = to !== 'everybody' && this.#serverMac !== undefined
    const datagram = encodeDatagram({
      ...(from === undefined ? {} : { from }),
      to: to === 'everybody' ? everywhere : to,
      payload: encodeMessage(message),
    })
    link.send(datagram, ...(direct ? [this.#serverMac as Buffer] : []))
  }

  async #open(): Promise<PacketLink> {
    if (this.#link !== undefined) return this.#link
    const { netns, ifname } = this.order
    const link = await this.#links.open(netns, ifname)
    if (this.#isStopped) {
      link.close()
      throw fail('TSNET_STEP_FAILED', { message: stopped })
    }
    this.#sandbox ??= link.sandbox
    if (link.sandbox.cookie !== this.#sandbox.cookie) {
      link.close()
      throw fail('TSNET_NOT_A_NETNS', { message: `${netns} is another namespace by now` })
    }
    this.#link = link
    return link
  }

  #close(): void {
    clearTimeout(this.#lookTimer)
    this.#link?.close()
    this.#link = undefined
  }

  async #end(why: string, { down }: { readonly down: boolean }): Promise<void> {
    const waiting = this.#waiting
    const cookie = this.#sandbox?.cookie
    waiting?.reject(fail('TSNET_STEP_FAILED', { message: why }))
    this.stop()
    if (waiting !== undefined) return
    if (down && cookie !== undefined) await this.#links.setDown(this.order.netns, this.order.ifname, cookie)
    this.#events.lost(this.order, why)
  }

  #settings({ mac }: PacketLink): ClientSettings {
    return settingsOf(this.order, this.#patience, mac)
  }

  #silence(limitMs: number): Error {
    return fail('TSNET_NO_ANSWER', {
      message: `asking for an address by DHCP for ${ownerKey(this.order)}: no server has given one in ${limitMs / 1000} s`,
      value: this.order.ifname,
      hint: 'is the interface on a network with a DHCP server? tcpdump -ni any port 67 shows the questions',
    })
  }
}
