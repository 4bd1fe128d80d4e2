/**
 * What is said over the name server's control socket: one JSON document a line,
 * one answer to each, given when the change is in effect.
 *
 * @module
 */

import { StringDecoder } from 'node:string_decoder'
import type { Address } from '../model/address.ts'
import type { OwnedRoute } from './forward.ts'
import type { ZoneContainer, ZoneNetwork } from './zone-contents.ts'

/** All there is to know: the first thing a new server is told. */
export interface Contents {
  readonly networks: readonly ZoneNetwork[]
  readonly containers: readonly ZoneContainer[]
  readonly routes: readonly OwnedRoute[]
}

export type Request =
  | ({ readonly op: 'load' } & Contents)
  /** Adds or replaces a container, and the networks it is on. */
  | { readonly op: 'put'; readonly container: ZoneContainer; readonly networks: readonly ZoneNetwork[] }
  /** Forgets a container, and networks nobody is on any more. With the last one the server ends. */
  | { readonly op: 'drop'; readonly id: string }
  | { readonly op: 'routes'; readonly routes: readonly OwnedRoute[] }
  | { readonly op: 'status' }
  | ({ readonly op: 'explain' } & Explain)

export interface Explain {
  readonly name: string
  /** As its number. */
  readonly type: number
  /** Container id, or undefined for the host's view of `network`. */
  readonly container?: string
  readonly network?: string
}

export interface Status extends Contents {
  readonly pid: number
  readonly workers: readonly number[]
  /** Of the host, as they are used now. */
  readonly resolvers: readonly Address[]
  readonly queries: number
  /** Answered by the fast path. */
  readonly fast: number
  readonly outstanding: number
  readonly cached: { readonly entries: number; readonly bytes: number }
}

export interface Explained {
  /** Who answered, and why. */
  readonly why: string
  /** The reply as it would go over TCP, in base64. */
  readonly reply: string
}

const ops: readonly unknown[] = ['load', 'put', 'drop', 'routes', 'status', 'explain']

/** A line of the control socket. @returns undefined where it is no request */
export function readRequest(line: string): Request | undefined {
  try {
    const request = JSON.parse(line) as Request | null
    return ops.includes(request?.op) ? (request as Request) : undefined
  } catch {
    return undefined
  }
}

/** The fault of a request, for the caller to make an error of. */
export interface Fault {
  readonly kind: 'portInUse' | 'addressMissing' | 'notPermitted' | 'notFound' | 'internal'
  readonly message: string
  readonly address?: Address
  readonly port?: number
}

export type Response =
  | { readonly ok: true; readonly ended?: boolean; readonly status?: Status; readonly explained?: Explained }
  | { readonly ok: false; readonly ended?: boolean; readonly fault: Fault }

/** A fault on its way to the socket. */
export class ControlFault extends Error {
  readonly fault: Fault

  constructor(fault: Fault) {
    super(fault.message)
    this.fault = fault
  }
}

/** Cuts a stream into its lines. */
export function lineReader(read: (line: string) => void): (chunk: Buffer) => void {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  return (chunk) => {
    const lines = (rest + decoder.write(chunk)).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) read(line)
  }
}
