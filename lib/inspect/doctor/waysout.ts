/**
 * Whether packets as large as the way out says get through: echoes to the next
 * hop and the name servers, small ones first.
 *
 * One that answers no small echo tells nothing. A large one is lost twice, with
 * a small one answered afterwards, before anything is said.
 *
 * @module
 */

import { echo } from '../../kernel/packets/probesocket.ts'
import { type Address, type Family, familyOf } from '../../model/address.ts'
import type { WayOut } from '../../plan/facts.ts'
import type { InterfaceView, NamespaceView } from '../views.ts'
import type { Ailment } from './ailment.ts'

/** What came of the echoes to one address. */
export interface WayProbe {
  readonly to: Address
  readonly dev: string
  /** Of the device the packets leave by. */
  readonly mtuBytes: number
  readonly large: 'answered' | 'lost'
}

const waitMs = 500
/** IP and ICMP headers. */
const headerBytes = { 4: 28, 6: 48 } as const

/**
 * Echoes to the next hops of default routes, and to the name servers through the device that leads to them. Ways of
 * other tables are for some packets only, and an echo is none of them, unless the kernel sends everything that way.
 */
export async function probeWaysOut(
  host: NamespaceView,
  servers: readonly Address[],
  wayOut: Readonly<Record<Family, WayOut | undefined>>,
): Promise<readonly WayProbe[]> {
  const ways = host.routes.flatMap(({ to, via, dev, table }) => {
    const out = host.interfaces.find(({ name }) => name === dev)
    if (via === undefined || out === undefined || !/^(0\.0\.0\.0|::)\/0$/.test(to)) return []
    return table === undefined || dev === wayOut[familyOf(via)]?.dev ? [{ via, out }] : []
  })
  const targets = ways.flatMap(({ via, out }) => {
    const family = familyOf(via)
    const asked = wayOut[family]?.dev === out.name ? servers.filter((one) => familyOf(one) === family) : []
    return [via, ...asked].map((to) => ({ to, out }))
  })
  const unique = targets.filter(({ to }, at) => targets.findIndex((other) => other.to === to) === at)
  const probes = await Promise.all(unique.map(({ to, out }) => probeWay(to, out)))
  return probes.filter((probe) => probe !== undefined)
}

async function probeWay(to: Address, { name, mtuBytes }: InterfaceView): Promise<WayProbe | undefined> {
  const answers = async (sequence: number, bytes?: number): Promise<boolean> => {
    const options = { timeoutMs: waitMs, sequence, ...(bytes === undefined ? {} : { bytes }) }
    return (await echo(to, options).catch(() => undefined)) !== undefined
  }
  const large = mtuBytes - headerBytes[familyOf(to)]
  if (large > mostBytes || !(await answers(1))) return undefined
  const got = (await answers(2, large)) || (await answers(3, large))
  if (!got && !(await answers(4))) return undefined
  return { to, dev: name, mtuBytes, large: got ? 'answered' : 'lost' }
}

/** Loopback's 64 KiB and the like: nothing that leaves the machine. */
const mostBytes = 9600

export function wayAilments(probes: readonly WayProbe[]): readonly Ailment[] {
  return probes
    .filter(({ large }) => large === 'lost')
    .map(({ to, dev, mtuBytes }) => ({
      code: 'path-hole',
      severity: 'error',
      subject: 'host',
      what: `packets of ${mtuBytes} bytes vanish on the way to ${to}: small requests work, large answers hang`,
      evidence: [
        `an echo of 56 bytes to ${to} is answered, one of ${mtuBytes - headerBytes[familyOf(to)]} twice not`,
        `${dev} has MTU ${mtuBytes}`,
      ],
      fix: `find the size that gets through (ping -M do -s SIZE ${to}) and give it to ${dev}: ip link set ${dev} mtu SIZE+${headerBytes[familyOf(to)]}`,
      safe: false,
    }))
}
