/**
 * Our side of a probe agent: starts it when first needed, pairs answers with
 * requests, and gives tests `probe` and `serve`.
 *
 * @module
 */
import { type ChildProcess, execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { cut, spawnChild } from '../process.ts'
import { needs } from '../requirements.ts'
import type {
  Detail,
  Peer,
  ProbeRequest,
  Protocol,
  Reply,
  Request,
  ServeRequest,
  Verdict,
} from './messages.ts'

/** Wishes for one probe. */
export interface ProbeOptions {
  /**
   * Milliseconds until silence is called `timeout`, longer where we get no processor. Default 1 500: what is lost once, a
   * SYN or a question for a neighbour, the kernel repeats after one second. For what the server says (`…Detail`, `http`)
   * 5 000: it is a process, and a datagram is never repeated.
   *
   * To see an ICMP rejection of TCP ("unreachable", or "refused" by iptables'
   * plain REJECT) allow 2 500: over veth it may arrive while the kernel is
   * still inside connect(), which ignores it, and the next chance is the
   * retransmission after one second (kernel 6.18). Resets are not affected.
   */
  readonly timeoutMs?: number
  /** Source address. */
  readonly from?: string
  /** Source port, for tests about connection tracking. */
  readonly sourcePort?: number
  /** HTTP only: default `/`. */
  readonly path?: string
}

/** Sends packets from a place and says what came of them. Safe to call many at a time. */
export interface Probes {
  /** Opens a connection. */
  tcp(address: string, port: number, options?: ProbeOptions): Promise<Verdict>
  /** The same, with what the server has said. */
  tcpDetail(address: string, port: number, options?: ProbeOptions): Promise<Detail>
  /** Sends a datagram and waits for the answer. */
  udp(address: string, port: number, options?: ProbeOptions): Promise<Verdict>
  /** The same, with what the server has said. */
  udpDetail(address: string, port: number, options?: ProbeOptions): Promise<Detail>
  /** One INIT over raw sockets, for kernels without SCTP; "refused" is said where any SCTP server was ever started. */
  sctp(address: string, port: number, options?: ProbeOptions): Promise<Verdict>
  /** The same, with what the server has said. */
  sctpDetail(address: string, port: number, options?: ProbeOptions): Promise<Detail>
  /** Gets a page. */
  http(address: string, port: number, options?: ProbeOptions): Promise<Detail>
}

/** Wishes for one server. */
export interface ServeOptions {
  /** The address to bind; without it every address of both families. */
  readonly address?: string
  /** HTTP only: the page, instead of the JSON answer. */
  readonly body?: string
}

/** A server that runs inside a place until it is closed or the place is gone. */
export interface Server {
  readonly port: number
  /** Clients so far, as the server saw them: tests that nothing arrived ask here. */
  seen(): Promise<readonly Peer[]>
  /** No client is served any more. */
  close(): Promise<void>
}

/** Starts servers in a place; each answers with its name and the client's address as it sees it. */
export interface Servers {
  /** Answers each connection. @param port 0 lets the kernel choose; the server has the number */
  tcp(port: number, options?: ServeOptions): Promise<Server>
  /** Answers each datagram. */
  udp(port: number, options?: ServeOptions): Promise<Server>
  /** Over raw sockets: answers an INIT, for kernels without SCTP. */
  sctp(port: number, options?: ServeOptions): Promise<Server>
  /** Serves one page. */
  http(port: number, options?: ServeOptions): Promise<Server>
}

let bundle: string | undefined

/**
 * What Node is told to run. Compiled it lies beside this file; in the repository it is made into one CommonJS text, once in
 * each test worker (30 ms).
 */
function agentWords(): readonly string[] {
  if (import.meta.url.endsWith('.js')) return [fileURLToPath(new URL('./agent.js', import.meta.url))]
  if (bundle === undefined) {
    // Users of the package have no esbuild, and need none.
    const { buildSync } = createRequire(import.meta.url)('esbuild') as typeof import('esbuild')
    bundle = buildSync({
      entryPoints: [fileURLToPath(new URL('./agent.ts', import.meta.url))],
      bundle: true,
      write: false,
      platform: 'node',
      target: 'node20',
      format: 'cjs',
      logLevel: 'silent',
    }).outputFiles[0]?.text
  }
  if (bundle === undefined) throw new Error('the probe agent could not be bundled')
  return ['--eval', bundle]
}

let sctpProgram: string | undefined

/** What a request of that protocol needs beside it: for SCTP raw sockets, which Node cannot open. Made once in each test worker. */
function programFor(protocol: Protocol): { readonly program?: string } {
  if (protocol !== 'sctp') return {}
  if (sctpProgram === undefined) {
    needs('gcc')
    const folder = mkdtempSync(join(tmpdir(), 'netns-fixtures-'))
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
    sctpProgram = join(folder, 'rawsctp')
    const source = fileURLToPath(new URL('./rawsctp.c', import.meta.url))
    execFileSync('gcc', ['-O1', '-Wall', '-Wextra', '-Werror', '-o', sctpProgram, source], {
      timeout: 30_000,
    })
  }
  return { program: sctpProgram }
}

/** One agent in one namespace. */
export class Agent {
  readonly #entering: readonly string[]
  readonly #name: string
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  #child: ChildProcess | undefined
  #last = 0

  /** @param entering start of an argv that runs the rest inside the namespace */
  constructor(name: string, entering: readonly string[]) {
    this.#name = name
    this.#entering = entering
  }

  get probes(): Probes {
    const detail = (
      protocol: Protocol,
      address: string,
      port: number,
      { timeoutMs = 5000, ...options }: ProbeOptions = {},
    ): Promise<Detail> => {
      const request: ProbeRequest = {
        protocol,
        address,
        port,
        ...options,
        ...programFor(protocol),
        timeoutMs,
      }
      return this.#ask<Detail>({ op: 'probe', ...request }, timeoutMs)
    }
    const verdict = async (
      protocol: Protocol,
      address: string,
      port: number,
      options: ProbeOptions = {},
    ): Promise<Verdict> => (await detail(protocol, address, port, { timeoutMs: 1500, ...options })).verdict
    return {
      tcp: (address, port, options) => verdict('tcp', address, port, options),
      tcpDetail: (address, port, options) => detail('tcp', address, port, options),
      udp: (address, port, options) => verdict('udp', address, port, options),
      udpDetail: (address, port, options) => detail('udp', address, port, options),
      sctp: (address, port, options) => verdict('sctp', address, port, options),
      sctpDetail: (address, port, options) => detail('sctp', address, port, options),
      http: (address, port, options) => detail('http', address, port, options),
    }
  }

  get servers(): Servers {
    const serve = async (protocol: Protocol, port: number, options: ServeOptions = {}): Promise<Server> => {
      const request: ServeRequest = {
        protocol,
        port,
        name: this.#name,
        ...options,
        ...programFor(protocol),
      }
      const started = await this.#ask<{ server: number; port: number }>({ op: 'serve', ...request })
      return {
        port: started.port,
        seen: () => this.#ask<readonly Peer[]>({ op: 'seen', server: started.server }),
        close: async () => void (await this.#ask({ op: 'close', server: started.server })),
      }
    }
    return {
      tcp: (port, options) => serve('tcp', port, options),
      udp: (port, options) => serve('udp', port, options),
      sctp: (port, options) => serve('sctp', port, options),
      http: (port, options) => serve('http', port, options),
    }
  }

  /** Asks and waits; thirty seconds beyond what the request itself may take is a broken agent. */
  #ask<Value>(request: Request, allowanceMs = 0): Promise<Value> {
    const child = this.#running()
    this.#last += 1
    const id = this.#last
    return new Promise<Value>((resolve, reject) => {
      const limitMs = allowanceMs + 30_000
      const timer = setTimeout(() => {
        this.#waiting.delete(id)
        reject(
          new Error(
            `${this.#name}: the probe agent did not answer ${JSON.stringify(request)} in ${limitMs} ms`,
          ),
        )
      }, limitMs)
      const settle = (finish: () => void): void => {
        clearTimeout(timer)
        this.#waiting.delete(id)
        finish()
      }
      this.#waiting.set(id, {
        resolve: (value) => settle(() => resolve(value as Value)),
        reject: (error) => settle(() => reject(error)),
      })
      child.stdin?.write(`${JSON.stringify({ id, ...request })}\n`)
    })
  }

  #running(): ChildProcess {
    if (this.#child) return this.#child
    const child = spawnChild([...this.#entering, process.execPath, ...agentWords()])
    this.#child = child
    let complaint = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      complaint += chunk.toString()
    })
    child.stdin?.on('error', () => {})
    child.once('error', (error) => this.#fail(error.message))
    child.once('close', () => {
      if (this.#child === child) this.#child = undefined
      this.#fail(complaint)
    })
    if (child.stdout) {
      createInterface({ input: child.stdout }).on('line', (line) => {
        const reply = JSON.parse(line) as Reply
        const waiting = this.#waiting.get(reply.id)
        if ('error' in reply) waiting?.reject(new Error(`${this.#name}: ${reply.error}`))
        else waiting?.resolve(reply.value)
      })
    }
    return child
  }

  #fail(why: string): void {
    for (const waiting of this.#waiting.values()) {
      waiting.reject(new Error(`${this.#name}: the probe agent ended. ${cut(why, 1000)}`))
    }
  }
}
