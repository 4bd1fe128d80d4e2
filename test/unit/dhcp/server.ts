/**
 * Answers of a DHCP server, as bytes.
 *
 * @module
 */

const types: Readonly<Record<string, string>> = { offer: '02', ack: '05', nak: '06' }

/** 198.51.100.50/24 for two minutes from 198.51.100.2; an option that is `''` is left out. */
export function answer({
  type,
  xid = 1,
  address = 'c6336432',
  mac = '020000000001',
  options = {},
}: {
  readonly type: 'offer' | 'ack' | 'nak'
  readonly xid?: number
  readonly address?: string
  readonly mac?: string
  readonly options?: Readonly<Record<number, string>>
}): Buffer {
  const fixed = Buffer.alloc(240)
  fixed.writeUInt8(2, 0)
  fixed.writeUInt32BE(xid, 4)
  fixed.write(address, 16, 'hex')
  fixed.write(mac, 28, 'hex')
  fixed.write('63825363', 236, 'hex')
  const all: Record<number, string> = {
    53: types[type] ?? '',
    1: 'ffffff00',
    51: '00000078',
    54: 'c6336402',
    ...options,
  }
  const encoded = Object.entries(all).flatMap(([number, text]) => {
    const value = Buffer.from(text.replaceAll(' ', ''), 'hex')
    return value.length === 0 ? [] : [Buffer.from([Number(number), value.length]), value]
  })
  return Buffer.concat([fixed, ...encoded, Buffer.from([255])])
}
