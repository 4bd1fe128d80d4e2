/**
 * Frames on the daemon's socket: a length of four bytes (little endian, of what
 * follows), one byte that says what it is, and the rest.
 *
 * The launcher (cmd/launcher) writes and reads the same in C, so a change here
 * is a change of `protocolVersion` in api.ts. Not responsible for what frames mean.
 *
 * @module
 */

/** Larger than any request or answer; a peer that announces more talks something else. */
const longestBytes = 64 * 1024 * 1024
const headBytes = 5

export interface Frame {
  /** One of `kinds` in api.ts. */
  readonly kind: number
  readonly payload: Buffer
}

export function encodeFrame(kind: number, payload: string | Buffer = ''): Buffer {
  const bytes = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length
  const frame = Buffer.allocUnsafe(headBytes + bytes)
  frame.writeUInt32LE(bytes + 1, 0)
  frame.writeUInt8(kind, 4)
  if (typeof payload === 'string') frame.write(payload, headBytes)
  else payload.copy(frame, headBytes)
  return frame
}

/**
 * Puts frames together from the pieces a stream brings.
 *
 * @param malformed the peer does not speak this; nothing is read any more
 */
export function frameReader(read: (frame: Frame) => void, malformed: () => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0)
  let broken = false
  return (chunk) => {
    if (broken) return
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    while (rest.length >= headBytes) {
      const length = rest.readUInt32LE(0)
      if (length === 0 || length > longestBytes) {
        broken = true
        malformed()
        return
      }
      if (rest.length < 4 + length) return
      const frame = { kind: rest.readUInt8(4), payload: rest.subarray(headBytes, 4 + length) }
      rest = rest.subarray(4 + length)
      read(frame)
    }
  }
}
