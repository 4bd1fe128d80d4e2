import { describe, expect, it } from 'vitest'
import { encodeFrame, type Frame, frameReader } from '../../../lib/daemon/frames.ts'

function readAll(chunks: readonly Buffer[]): { frames: [number, string][]; malformed: number } {
  const frames: [number, string][] = []
  let malformed = 0
  const read = frameReader(
    ({ kind, payload }: Frame) => frames.push([kind, payload.toString()]),
    () => malformed++,
  )
  for (const chunk of chunks) read(chunk)
  return { frames, malformed }
}

describe('frames', () => {
  const bytes = Buffer.concat([
    encodeFrame(0x6f, 'grüße'),
    encodeFrame(0x68),
    encodeFrame(0x78, Buffer.from([7])),
  ])
  const frames = [
    [0x6f, 'grüße'],
    [0x68, ''],
    [0x78, '\x07'],
  ]

  it('have a length, a kind and the rest', () => {
    expect(encodeFrame(0x6f, 'ab').toString('hex')).toBe('03000000' + '6f' + '6162')
  })

  it.each(Array.from({ length: bytes.length + 1 }, (_, at) => at))(
    'are put together again when they come in two pieces, the first of %i bytes',
    (at) => {
      expect(readAll([bytes.subarray(0, at), bytes.subarray(at)])).toEqual({ frames, malformed: 0 })
    },
  )

  it('are put together again byte by byte', () => {
    expect(readAll([...bytes].map((byte) => Buffer.from([byte])))).toEqual({ frames, malformed: 0 })
  })

  it.each([
    ['an empty one', Buffer.from([0, 0, 0, 0, 1])],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n')],
  ])('end where something else is spoken: %s', (_, nonsense) => {
    expect(readAll([bytes, nonsense, bytes])).toEqual({ frames, malformed: 1 })
  })
})
