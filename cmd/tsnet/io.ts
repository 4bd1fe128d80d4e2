/**
 * What a command may touch of its process: streams, environment, files it is
 * pointed at. Commands get it passed in, so that tests run them without one.
 *
 * @module
 */

import { readFileSync } from 'node:fs'

export interface Output {
  write(text: string): void
  /** Bytes, and when they are taken: a slow reader is waited for. Absent where there is no stream of our own. */
  put?(bytes: Uint8Array): Promise<void>
  readonly isTTY: boolean
  /** Width of the terminal; 80 where there is none, or it does not say (serial lines have 0). */
  readonly columns: number
  /** Height of the terminal, where there is one that says so. */
  readonly rows?: number
}

export interface Io {
  readonly stdout: Output
  readonly stderr: Output
  readonly env: Readonly<Record<string, string | undefined>>
  /** What relative paths start from; absent: this process's own folder. */
  readonly cwd?: string
  /** A whole text file; `-` is standard input. */
  read(path: string): Promise<string>
}

/** The real process. */
export function processIo(): Io {
  return {
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    env: process.env,
    // Not node:fs/promises, which costs every start a millisecond.
    read: async (path) => (path === '-' ? readAll(process.stdin) : readFileSync(path, 'utf8')),
  }
}

function outputOf(stream: NodeJS.WriteStream): Output {
  return {
    write: (text) => void stream.write(text),
    // An error is the stream's to tell (process.ts), and ends the process.
    put: (bytes) => new Promise((resolve) => stream.write(bytes, () => resolve())),
    isTTY: stream.isTTY === true,
    // Asked for anew: terminals change their size.
    get columns() {
      return stream.columns || 80
    },
    get rows() {
      return stream.rows || 24
    },
  }
}

async function readAll(stream: NodeJS.ReadStream): Promise<string> {
  stream.setEncoding('utf8')
  let text = ''
  for await (const chunk of stream) text += chunk
  return text
}
