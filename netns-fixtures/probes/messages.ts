/**
 * What the probe agent of a namespace is asked and answers, one JSON line each.
 *
 * @module
 */

/**
 * What came of a packet sent somewhere.
 *
 * - `reached`: a server took the connection, or answered the datagram
 * - `refused`: a reset or "port unreachable" came back: the way is open, nobody is there (or a firewall rejects)
 * - `unreachable`: no route, "host unreachable", "administratively prohibited", or our own kernel forbids sending
 * - `timeout`: nothing came back; somebody dropped it
 */
export type Verdict = 'reached' | 'refused' | 'unreachable' | 'timeout'

export type Protocol = 'tcp' | 'udp' | 'sctp' | 'http'

/** One end of a conversation; IPv4 seen through a dual-stack socket is written as IPv4. */
export interface Peer {
  readonly address: string
  readonly port: number
}

/** What a fixture server tells its client. */
export interface Answer {
  /** Name of the host or container the server runs in. */
  readonly name: string
  /** The client as the server sees it. */
  readonly peer: Peer
  /** The server's own end; for UDP the address it is bound to. */
  readonly local: Peer
}

/** A verdict and what is known beyond it. */
export interface Detail {
  readonly verdict: Verdict
  /** The client's address as the server saw it; absent when nothing or no fixture server answered. */
  readonly seenAs?: string
  readonly answer?: Answer
  /** The errno name behind `refused` or `unreachable`, such as `EHOSTUNREACH`. */
  readonly code?: string
  /** HTTP only. */
  readonly status?: number
  readonly body?: string
}

/** A probe as the agent gets it. */
export interface ProbeRequest {
  readonly protocol: Protocol
  readonly address: string
  readonly port: number
  readonly timeoutMs: number
  /** Source address. */
  readonly from?: string
  readonly sourcePort?: number
  /** HTTP path, default `/`. */
  readonly path?: string
  /** SCTP: where the program with the raw sockets lies. */
  readonly program?: string
}

/** A server as the agent gets it. */
export interface ServeRequest {
  readonly protocol: Protocol
  /** 0 lets the kernel choose. */
  readonly port: number
  readonly name: string
  /** The address to bind; without it every address of both families. */
  readonly address?: string
  /** HTTP: the page to give instead of the {@link Answer}. */
  readonly body?: string
  /** SCTP: where the program with the raw sockets lies. */
  readonly program?: string
}

export type Request =
  | ({ readonly op: 'probe' } & ProbeRequest)
  | ({ readonly op: 'serve' } & ServeRequest)
  | { readonly op: 'seen' | 'close'; readonly server: number }

export type Reply = { readonly id: number } & ({ readonly value: unknown } | { readonly error: string })

/** What the agent keeps of a running server. */
export interface Serving {
  readonly port: number
  /** Clients in the order they came. */
  readonly seen: Peer[]
  close(): Promise<void>
}

/** `::ffff:192.0.2.1` is the dual-stack socket's way to write `192.0.2.1`. */
export function plainAddress(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:(?=\d+\.)/i, '')
}

/** The detail of a system error, by what the sender of the packet was told. */
export function detailOfError(error: NodeJS.ErrnoException): Detail {
  const code = error.code ?? error.message
  if (code === 'ETIMEDOUT') return { verdict: 'timeout', code }
  if (code === 'ECONNREFUSED' || code === 'ECONNRESET') return { verdict: 'refused', code }
  return { verdict: 'unreachable', code }
}

/** Reads an {@link Answer}, or nothing when another kind of server spoke. */
export function answerIn(text: string): Pick<Detail, 'answer' | 'seenAs'> {
  try {
    const answer = JSON.parse(text) as Answer
    return typeof answer.peer?.address === 'string' ? { answer, seenAs: answer.peer.address } : {}
  } catch {
    return {}
  }
}
