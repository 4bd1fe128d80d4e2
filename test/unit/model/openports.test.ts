import { describe, expect, it } from 'vitest'
import type { Attachment } from '../../../lib/model/attachment.ts'
import { openPorts, shortPorts } from '../../../lib/model/openports.ts'
import { parsePublish } from '../../../lib/model/specs/publish.ts'

describe('ports of an attachment', () => {
  /** At 10.89.0.2 and fd00::2. */
  const publishing = (routed: readonly (4 | 6)[], specs: readonly string[]): Attachment => {
    const ports = specs.map((spec) => ({ hostPort: 0, ...parsePublish(spec) }))
    const addresses = ['10.89.0.2/24', 'fd00::2/64']
    return { addresses, ports, routed } as unknown as Attachment
  }
  const short = (routed: readonly (4 | 6)[], ...specs: readonly string[]): readonly string[] =>
    shortPorts(publishing(routed, specs))

  it('are printed as host, arrow, container', () => {
    expect(short([], '8080:80', '127.0.0.1:5353:53/udp', '[fd00::1]:8000-8009:80-89')).toEqual([
      '8080->80/tcp',
      '127.0.0.1:5353->53/udp',
      '[fd00::1]:8000-8009->80-89/tcp',
    ])
  })

  it('are those of the container where nothing listens on the host', () => {
    expect(short([4, 6], '8080:80')).toEqual(['10.89.0.2:80->80/tcp', '[fd00::2]:80->80/tcp'])
    expect(short([6], '8080:80', '[::]:8443:443')).toEqual([
      '8080->80/tcp',
      '[fd00::2]:80->80/tcp',
      '[fd00::2]:443->443/tcp',
    ])
  })

  it('are open in each of its families, at the host or at the container', () => {
    const open = (routed: readonly (4 | 6)[], ...specs: readonly string[]): readonly string[] =>
      openPorts(publishing(routed, specs)).map(({ container, at }) => `${container} -> ${at}`)
    expect(open([], '8080:80', '127.0.0.1:5353:53/udp', '8000-8001:80-81')).toEqual([
      '80/tcp -> 0.0.0.0:8080',
      '80/tcp -> [::]:8080',
      '53/udp -> 127.0.0.1:5353',
      '80-81/tcp -> 0.0.0.0:8000-8001',
      '80-81/tcp -> [::]:8000-8001',
    ])
    expect(open([6], '8080:80')).toEqual(['80/tcp -> 0.0.0.0:8080', '80/tcp -> [fd00::2]:80'])
  })
})
