/**
 * One packet on one line.
 *
 * @module
 */

import type { PacketView } from '../../../lib/index.ts'
import type { Palette } from './paint.ts'

type Names = ReadonlyMap<string, string>

/** `14:03:05.123456 eth0 out web:43210 > 198.51.100.2:80 tcp 60 SYN seq 1 win 64240` */
export function packetLine(view: PacketView, names: Names, palette: Palette): string {
  const { time, direction, protocol, length, about } = view
  const ends =
    view.from === undefined || view.to === undefined
      ? ''
      : `${end(view.from, view.fromPort, names)} ${palette.dim('>')} ${end(view.to, view.toPort, names)}`
  const clock = palette.dim(localClock(time))
  const way = direction === 'out' ? palette.cyan('out') : palette.green('in ')
  return [clock, view.interface, way, ends, palette.bold(protocol), String(length), about]
    .filter((part) => part !== '')
    .join(' ')
}

function end(address: string, port: number | undefined, names: Names): string {
  const known = names.get(address)
  const name = known ?? (address.includes(':') && port !== undefined ? `[${address}]` : address)
  return port === undefined ? name : `${name}:${port}`
}

/** The time of day here, with the fractions of a second that `time` has. */
export function localClock(time: string): string {
  const at = new Date(time)
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${time.slice(20).replace('Z', '')}`
}
