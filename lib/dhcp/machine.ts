/**
 * The client's side of DHCP as a state machine without clock or socket: what
 * happened goes in; what to send, what to tell and when to wake up come out.
 *
 * ```
 * selecting ──offer──▶ requesting ──ack──▶ bound ──T1──▶ renewing ──T2──▶ rebinding
 *     ▲                    │ nak, silence    ▲  ack          │ ack            │ ack
 *     └────────────────────┘                 └───────────────┴────────────────┤
 *                                            lost ◀── nak, end of the lease ──┘
 * ```
 *
 * The first offer is taken. An address is not looked for on the link before it
 * is used (ARP): servers do that, and a declined one costs ten seconds.
 *
 * @see https://www.rfc-editor.org/rfc/rfc2131 section 4.4
 * @module
 */

import { type Address, addressOf, bytesOf } from '../model/address.ts'
import type { Message, MessageType, Options } from './message.ts'
import { dhcpOptions, type Lease, leaseOf } from './options.ts'

/** Who asks, and for what. */
export interface ClientSettings {
  readonly mac: Buffer
  /** Option 61 as it stands in the message. */
  readonly clientId: Buffer
  /** Numbers of options the server shall tell. */
  readonly wanted: readonly number[]
  /** Told to the server. */
  readonly provided: Options
  /** Ask for answers by broadcast. */
  readonly broadcast: boolean
  /** Between the first two tries; each pause is twice the one before, up to the longest. */
  readonly firstPauseMs: number
  readonly longestPauseMs: number
}

export type Phase = 'selecting' | 'requesting' | 'bound' | 'renewing' | 'rebinding' | 'lost'

export interface Machine {
  readonly phase: Phase
  readonly xid: number
  /** When this exchange began. */
  readonly beganMs: number
  /** Messages sent in this phase. */
  readonly tries: number
  /** When to call `wake`; absent: never. */
  readonly wakeMs?: number
  readonly offer?: { readonly address: Address; readonly server: Buffer }
  readonly lease?: Lease
  /** When the request was sent that the lease answers: from then on its time is counted. */
  readonly leasedMs?: number
}

export interface Turn {
  readonly machine: Machine
  readonly send?: { readonly message: Message; readonly to: Address | 'everybody' }
}

/** Random numbers are passed in: tests want the same ones each time. */
export interface Moment {
  readonly nowMs: number
  /** From 0 to 1. */
  readonly random: number
}

/** In renewing and rebinding nobody is asked more often (section 4.4.5). */
const shortestRenewalPauseMs = 60_000
/** Of unanswered requests; then another offer is looked for. */
const requestTries = 4
const maximumMessageBytes = 1472

export function begin(settings: ClientSettings, { nowMs, random }: Moment): Turn {
  const machine: Machine = {
    phase: 'selecting',
    xid: Math.floor(random * 0x1_0000_0000) >>> 0,
    beganMs: nowMs,
    tries: 0,
  }
  return wake(settings, machine, { nowMs, random })
}

/** A lease that another process has got: to `wake` it asks at once whether it still holds. */
export function resume(kept: { readonly lease: Lease; readonly leasedMs: number }): Machine {
  return { phase: 'bound', xid: 0, beganMs: kept.leasedMs, tries: 0, ...kept }
}

/** From when on the lease must not be used any more. */
export function endMs({ lease, leasedMs = 0 }: Machine): number {
  return lease?.seconds === undefined ? Number.POSITIVE_INFINITY : leasedMs + lease.seconds * 1000
}

/** The time `wakeMs` has come. */
export function wake(settings: ClientSettings, machine: Machine, moment: Moment): Turn {
  switch (machine.phase) {
    case 'selecting':
      return ask(settings, machine, moment, 'discover')
    case 'requesting':
      return machine.tries < requestTries
        ? ask(settings, machine, moment, 'request')
        : begin(settings, moment)
    case 'bound':
    case 'renewing':
    case 'rebinding':
      return renew(settings, machine, moment)
    case 'lost':
      return { machine }
  }
}

function ask(
  settings: ClientSettings,
  machine: Machine,
  { nowMs, random }: Moment,
  type: 'discover' | 'request',
): Turn {
  const pauseMs = Math.min(settings.firstPauseMs * 2 ** machine.tries, settings.longestPauseMs)
  const asked: Machine = {
    ...machine,
    tries: machine.tries + 1,
    // Machines that start together must not go on together.
    wakeMs: nowMs + pauseMs * (0.75 + random / 2),
    leasedMs: nowMs,
  }
  const chosen: readonly (readonly [number, Buffer])[] =
    type === 'request' && machine.offer !== undefined
      ? [
          [dhcpOptions.requestedAddress, Buffer.from(bytesOf(machine.offer.address))],
          [dhcpOptions.server, machine.offer.server],
        ]
      : []
  return { machine: asked, send: { message: compose(settings, asked, type, chosen), to: 'everybody' } }
}

/** T1, T2 and the end, counted from when the lease was asked for. */
function renew(settings: ClientSettings, machine: Machine, { nowMs, random }: Moment): Turn {
  const { lease, leasedMs = nowMs } = machine
  if (lease?.seconds === undefined) return { machine: { ...machine, phase: 'bound' } }
  if (nowMs >= endMs(machine)) return { machine: { ...machine, phase: 'lost' } }
  const at = (seconds: number): number => leasedMs + seconds * 1000
  const phase = nowMs >= at(lease.rebindSeconds) ? 'rebinding' : 'renewing'
  const limitMs = phase === 'renewing' ? at(lease.rebindSeconds) : endMs(machine)
  const fresh = machine.phase !== phase
  const asked: Machine = {
    ...machine,
    phase,
    ...(machine.phase === 'bound' ? { xid: Math.floor(random * 0x1_0000_0000) >>> 0, beganMs: nowMs } : {}),
    tries: fresh ? 1 : machine.tries + 1,
    wakeMs: Math.min(limitMs, nowMs + Math.max((limitMs - nowMs) / 2, shortestRenewalPauseMs)),
  }
  const message = compose(settings, asked, 'request', [], addressOf(lease.address))
  return { machine: asked, send: { message, to: phase === 'renewing' ? lease.server : 'everybody' } }
}

/** Something has come in. What is not for us, or not now, changes nothing. */
export function receive(settings: ClientSettings, machine: Machine, message: Message, moment: Moment): Turn {
  if (message.xid !== machine.xid || !message.mac.equals(settings.mac)) return { machine }
  const { phase } = machine
  if (phase === 'selecting' && message.type === 'offer') {
    const server = message.options.get(dhcpOptions.server)
    if (message.yourAddress === undefined || server?.length !== 4) return { machine }
    const offer = { address: message.yourAddress, server }
    return ask(settings, { ...machine, phase: 'requesting', tries: 0, offer }, moment, 'request')
  }
  const waiting = phase === 'requesting' || phase === 'renewing' || phase === 'rebinding'
  if (waiting && message.type === 'nak')
    return phase === 'requesting' ? begin(settings, moment) : { machine: { ...machine, phase: 'lost' } }
  if (waiting && message.type === 'ack') return bind(machine, message, moment)
  return { machine }
}

function bind(machine: Machine, message: Message, { nowMs }: Moment): Turn {
  const lease = leaseOf(message)
  if (lease === undefined) return { machine }
  // Who has the old address set up cannot be given another one.
  if (machine.phase !== 'requesting' && lease.address !== machine.lease?.address)
    return { machine: { ...machine, phase: 'lost' } }
  const leasedMs = machine.phase === 'requesting' ? (machine.leasedMs ?? nowMs) : nowMs
  return { machine: boundTo(machine, lease, leasedMs) }
}

function boundTo(machine: Machine, lease: Lease, leasedMs: number): Machine {
  const { wakeMs: _, offer: __, ...rest } = machine
  return {
    ...rest,
    phase: 'bound',
    tries: 0,
    lease,
    leasedMs,
    ...(lease.seconds === undefined ? {} : { wakeMs: leasedMs + lease.renewSeconds * 1000 }),
  }
}

/** Gives the address back; no answer comes. */
export function release(settings: ClientSettings, machine: Machine, { random }: Moment): Turn {
  const { lease } = machine
  const { wakeMs: _, ...rest } = machine
  const ended: Machine = { ...rest, phase: 'lost', xid: Math.floor(random * 0x1_0000_0000) >>> 0 }
  if (lease === undefined) return { machine: ended }
  const server = Buffer.from(bytesOf(lease.server))
  const message = compose(
    settings,
    ended,
    'release',
    [[dhcpOptions.server, server]],
    addressOf(lease.address),
  )
  return { machine: ended, send: { message, to: lease.server } }
}

function compose(
  { mac, clientId, wanted, provided, broadcast }: ClientSettings,
  { phase, xid, beganMs, leasedMs = beganMs }: Machine,
  type: MessageType,
  special: readonly (readonly [number, Buffer])[],
  clientAddress?: Address,
): Message {
  const asking = type !== 'release'
  const size = Buffer.alloc(2)
  size.writeUInt16BE(maximumMessageBytes)
  return {
    type,
    xid,
    seconds: phase === 'selecting' || phase === 'requesting' ? Math.floor((leasedMs - beganMs) / 1000) : 0,
    // Who has its address takes answers to it.
    broadcast: broadcast && clientAddress === undefined,
    ...(clientAddress === undefined ? {} : { clientAddress }),
    mac,
    options: new Map([
      [dhcpOptions.clientId, clientId],
      ...(asking
        ? ([
            [dhcpOptions.maximumBytes, size],
            ...(wanted.length === 0 ? [] : ([[dhcpOptions.wanted, Buffer.from(wanted)]] as const)),
            ...provided,
          ] as const)
        : []),
      ...special,
    ]),
  }
}
