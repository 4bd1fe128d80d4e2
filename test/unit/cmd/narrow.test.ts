/**
 * What is shown of a real host, whose ids have 64 hex digits, on a terminal of 80 columns.
 */
import { describe, expect, it } from 'vitest'
import type { Output } from '../../../cmd/tsnet/io.ts'
import { renderCached } from '../../../cmd/tsnet/print/cni.ts'
import { renderNameRoutes } from '../../../cmd/tsnet/print/nameroutes.ts'
import { paletteFor } from '../../../cmd/tsnet/print/paint.ts'
import { renderTop, topLeast } from '../../../cmd/tsnet/print/top.ts'
import { renderTrace } from '../../../cmd/tsnet/print/trace.ts'

const output: Output = { write: () => undefined, isTTY: true, columns: 80 }
const palette = paletteFor(output, { NO_COLOR: '1' })
const id = '0123456789abcdef'.repeat(4)

/** No line is longer than the terminal. */
function fitting(text: string): string {
  expect(text.split('\n').filter((line) => line.length > 80)).toEqual([])
  return `\n${text}`
}

describe('on 80 columns', () => {
  it('cni list keeps interfaces and addresses', () => {
    const cached = [
      {
        networkName: 'the-network-of-all-pods-of-this-cluster',
        containerId: id,
        ifName: 'eth0',
        result: { ips: [{ address: '10.88.0.14/16' }, { address: 'fd12:3456:789a:1::2/64' }] },
      },
    ]
    expect(fitting(renderCached(cached as never, output, palette))).toMatchInlineSnapshot(`
      "
      NETWORK                CONTAINER               INTERFACE  ADDRESSES
      the-network-of-all-p…  0123456789abcdef01234…  eth0       10.88.0.14/16
                                                                fd12:3456:789a:1::2/64
      "
    `)
  })

  it('dns route keeps the servers', () => {
    const routes = [
      { domain: 'a-very-long-name-of-a-domain.corp.example', servers: ['10.1.1.53'], container: id },
      { domain: 'corp.example', servers: ['10.1.1.53', '2001:db8:1234:5678::53'], network: 'shop' },
    ]
    expect(fitting(renderNameRoutes(routes as never, output, palette))).toMatchInlineSnapshot(`
      "
      DOMAIN                       SERVERS                 FOR
      a-very-long-name-of-a-doma…  10.1.1.53               container 0123456789abcdef…
      corp.example                 10.1.1.53               network shop
                                   2001:db8:1234:5678::53
      "
    `)
  })

  it('trace keeps what happens at each place', () => {
    const report = {
      from: 'web',
      to: { name: 'db', address: '10.90.0.3', port: 5432, protocol: 'tcp' },
      reached: true,
      hops: [
        { where: id, stage: 'route', what: 'to 10.90.0.3 over eth0, on the link itself', ok: true },
        { where: 'host', stage: 'bridge', what: 'br-shop hands it to db-38803', ok: true },
      ],
    }
    expect(fitting(renderTrace(report as never, 80, palette))).toMatchInlineSnapshot(`
      "
      web -> db, 10.90.0.3 port 5432/tcp
        0123456789abcdef012…  route   ok    to 10.90.0.3 over eth0, on the link itself
        host                  bridge  ok    br-shop hands it to db-38803
      reached
      "
    `)
  })
})

describe('top', () => {
  const row = {
    name: 'a-container-with-a-long-name',
    id,
    receivedBytes: 123_456,
    sentBytes: 999_000_000,
    receivedPackets: 1234,
    sentPackets: 12,
    drops: 0,
    dropped: 29,
    peers: [{ address: 'fd12:3456:789a:1::2', received: 1, sent: 2 }],
    sampled: true,
  }
  const shown = (watched: number, columns: number): string => {
    const found = { time: '2026-11-22T10:00:00.000Z', seconds: 2, watched, containers: [row, row] }
    const text = renderTop(found as never, { detail: 'all', output: { ...output, columns } }, palette)
    return text.replace(/\d\d:\d\d:\d\d/, 'HH:MM:SS')
  }

  it('leaves the last column of the smallest terminal free', () => {
    const lines = shown(2, topLeast.columns).split('\n')
    expect(Math.max(...lines.map((line) => line.length))).toBe(topLeast.columns - 1)
  })

  it('says of how many containers peers are known, where that is not all', () => {
    expect(shown(2, 80).split('\n')[0]).toBe('tsnet top  HH:MM:SS  2 containers, over 2.0 s')
    expect(shown(1, 80).split('\n')[0]).toBe('tsnet top  HH:MM:SS  2 containers, peers of 1, over 2.0 s')
  })
})
