/**
 * Whether firewalld is on the system bus, and its signal `Reloaded`: as much of
 * D-Bus as that takes (authentication, Hello, NameHasOwner, AddMatch, signals).
 *
 * @see https://dbus.freedesktop.org/doc/dbus-specification.html
 * @module
 */

import { createConnection, type Socket } from 'node:net'
import { ioText, NetavarkError } from './errors.ts'

const defaultAddress = 'unix:path=/run/dbus/system_bus_socket'
const rule = "type='signal',interface='org.fedoraproject.FirewallD1',member='Reloaded'"
const method = 1
const answer = 2
const signal = 4
const answerLimitMs = 20_000
const fieldNames = { path: 1, interface: 2, member: 3, destination: 6, signature: 8 } as const

/** What is said to the bus, and what comes back. */
interface Talk {
  readonly calls: readonly Buffer[]
  readonly heard: (message: Buffer) => void
  /** The bus is not there, does not take us, or has ended. */
  readonly lost: (why: string) => void
}

/**
 * Calls `reloaded` once when signals are listened to, since one may have been missed until then, and at each signal.
 *
 * @returns never, but by an error: the bus is not there, or has ended
 */
export function onReload(address: string | undefined, reloaded: () => Promise<void>): Promise<never> {
  return new Promise((_, reject) => {
    let work: Promise<void> = Promise.resolve()
    let answers = 0
    const lost = (why: string): void => {
      socket.destroy()
      reject(new NetavarkError(`failed to connect to the system bus: ${why}`))
    }
    const socket = openBus(address || defaultAddress, {
      calls: [busCall(1, 'Hello'), busCall(2, 'AddMatch', rule)],
      heard: (message) => {
        if (message[1] === answer) answers++
        const listens = message[1] === answer && answers === 2
        if (!listens && (message[1] !== signal || !message.includes('Reloaded'))) return
        work = work.then(reloaded).catch((error: unknown) => lost(String(error)))
      },
      lost,
    })
  })
}

/** @param address empty: nobody wants to know @returns why it does not answer; undefined where firewalld runs */
export function firewalldSilence(address: string | undefined): Promise<string | undefined> {
  if (address === '') return Promise.resolve('the bus address is empty')
  return new Promise((resolve) => {
    const settle = (why: string | undefined): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(why)
    }
    // Where the process itself stood still, the answer may lie there unread.
    const timer = setTimeout(() => setImmediate(settle, 'the bus does not answer'), answerLimitMs)
    const socket = openBus(address ?? defaultAddress, {
      calls: [busCall(1, 'Hello'), busCall(2, 'NameHasOwner', 'org.fedoraproject.FirewallD1')],
      heard: (message) => {
        // The answer is a truth value; that to Hello is a text.
        if (message[1] !== answer || message.readUInt32LE(4) !== 4) return
        settle(message.readUInt32LE(message.length - 4) === 1 ? undefined : 'firewalld is not on the bus')
      },
      lost: settle,
    })
  })
}

function openBus(address: string, { calls, heard, lost }: Talk): Socket {
  const path = /unix:path=([^,;]+)/.exec(address)?.[1] ?? ''
  const socket = createConnection({ path })
  let text: Buffer = Buffer.alloc(0)
  let authenticated = false
  socket.on('error', (error) => lost(ioText(error).replace('IO error', 'I/O error')))
  socket.on('close', () => lost('it has ended'))
  socket.on('connect', () => {
    const uid = Buffer.from(String(process.getuid?.() ?? 0)).toString('hex')
    socket.write(`\0AUTH EXTERNAL ${uid}\r\n`)
  })
  socket.on('data', (piece) => {
    text = Buffer.concat([text, piece])
    if (!authenticated) {
      const end = text.indexOf('\r\n')
      if (end < 0) return
      if (!text.toString('utf8', 0, end).startsWith('OK')) {
        lost('it does not take us')
        return
      }
      authenticated = true
      text = text.subarray(end + 2)
      socket.write(Buffer.concat([Buffer.from('BEGIN\r\n'), ...calls]))
    }
    for (;;) {
      const length = messageLength(text)
      if (length === undefined || text.length < length) return
      const message = text.subarray(0, length)
      text = text.subarray(length)
      heard(message)
    }
  })
  return socket
}

const aligned = (length: number, to: number): number => Math.ceil(length / to) * to

/** Of the message at the beginning; undefined where not enough of it is here. */
function messageLength(text: Buffer): number | undefined {
  if (text.length < 16) return undefined
  const big = text[0] === 0x42
  const number = (at: number): number => (big ? text.readUInt32BE(at) : text.readUInt32LE(at))
  return aligned(16 + number(12), 8) + number(4)
}

/** A call of the bus itself, with one text or nothing. */
function busCall(serial: number, member: string, argument?: string): Buffer {
  const body = argument === undefined ? Buffer.alloc(0) : textValue(argument)
  const fields = [
    field(fieldNames.path, 'o', textValue('/org/freedesktop/DBus')),
    field(fieldNames.destination, 's', textValue('org.freedesktop.DBus')),
    field(fieldNames.interface, 's', textValue('org.freedesktop.DBus')),
    field(fieldNames.member, 's', textValue(member)),
    ...(argument === undefined ? [] : [field(fieldNames.signature, 'g', Buffer.from('\x01s\0'))]),
  ]
  let list = Buffer.alloc(0)
  for (const one of fields) list = Buffer.concat([padded(list, 8), one])
  const head = Buffer.alloc(16)
  head[0] = 0x6c
  head[1] = method
  head[3] = 1
  head.writeUInt32LE(body.length, 4)
  head.writeUInt32LE(serial, 8)
  head.writeUInt32LE(list.length, 12)
  return Buffer.concat([padded(Buffer.concat([head, list]), 8), body])
}

function field(code: number, type: string, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([code, 1, type.charCodeAt(0), 0]), value])
}

function textValue(text: string): Buffer {
  const bytes = Buffer.from(text)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(bytes.length)
  return Buffer.concat([length, bytes, Buffer.alloc(1)])
}

function padded(bytes: Buffer, to: number): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(aligned(bytes.length, to) - bytes.length)])
}
