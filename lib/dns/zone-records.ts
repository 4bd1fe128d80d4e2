/**
 * From what containers are called to what each name means: every endpoint says
 * its part, and a name means all that was said of it. A change costs as much as
 * the container has names, however many there are beside them.
 *
 * @module
 */

import type { Address } from '../model/address.ts'
import { keyOf } from './wire.ts'
import type { ZoneContainer, ZoneEndpoint } from './zone-contents.ts'
import type { Entry } from './zone-lookup.ts'
import { reverseKey } from './zone-reverse.ts'

/** What one endpoint has to say about one name. */
export interface Part {
  readonly addresses: readonly Address[]
  readonly pointers: readonly string[]
  readonly services: readonly { readonly port: number; readonly target: string }[]
}

/** Every name of an endpoint with its part; the same name given twice counts once. */
export function recordsOf(
  container: ZoneContainer,
  { network, addresses, aliases }: ZoneEndpoint,
): Map<string, Part> {
  const records = new Map<string, Part>()
  const target = `${container.names[0] ?? aliases[0] ?? container.id}.${network}`
  for (const name of [...container.names, ...aliases]) {
    const key = keyOf(name)
    if (key === undefined) continue
    records.set(key, { addresses, pointers: [], services: [] })
    for (const { port, protocol } of container.services ?? []) {
      for (const label of [String(port), ...(serviceNames[`${port}/${protocol}`] ?? [])]) {
        const service = keyOf(`_${label}._${protocol}.${name}`)
        if (service !== undefined)
          records.set(service, { addresses: [], pointers: [], services: [{ port, target }] })
      }
    }
  }
  for (const address of addresses) {
    records.set(reverseKey(address), { addresses: [], pointers: [target], services: [] })
  }
  return records
}

/** Names of well-known ports (IANA), for SRV; the number always works. */
const serviceNames: Readonly<Record<string, readonly string[]>> = {
  '21/tcp': ['ftp'],
  '22/tcp': ['ssh'],
  '25/tcp': ['smtp'],
  '53/tcp': ['domain'],
  '53/udp': ['domain'],
  '80/tcp': ['http'],
  '88/tcp': ['kerberos'],
  '88/udp': ['kerberos'],
  '110/tcp': ['pop3'],
  '123/udp': ['ntp'],
  '143/tcp': ['imap'],
  '389/tcp': ['ldap'],
  '443/tcp': ['https'],
  '443/udp': ['https'],
  '587/tcp': ['submission'],
  '636/tcp': ['ldaps'],
  '993/tcp': ['imaps'],
  '1883/tcp': ['mqtt'],
  '2379/tcp': ['etcd-client'],
  '2380/tcp': ['etcd-server'],
  '3306/tcp': ['mysql'],
  '5060/tcp': ['sip'],
  '5060/udp': ['sip'],
  '5222/tcp': ['xmpp-client'],
  '5269/tcp': ['xmpp-server'],
  '5432/tcp': ['postgresql'],
  '5672/tcp': ['amqp'],
  '6379/tcp': ['redis'],
  '8080/tcp': ['http-alt'],
  '27017/tcp': ['mongodb'],
}

interface MutableEntry extends Entry {
  readonly parts: Part[]
  addresses: readonly Address[]
  pointers: readonly string[]
  services: Entry['services']
}

/** Adds a part to a name. */
export function contribute(names: Map<string, Entry>, key: string, part: Part): void {
  let entry = names.get(key) as MutableEntry | undefined
  if (entry === undefined) {
    entry = { parts: [], addresses: [], pointers: [], services: [], prepared: undefined, turn: 0 }
    names.set(key, entry)
  }
  entry.parts.push(part)
  refresh(entry)
}

/** Takes it back, and with the last part the name. */
export function withdraw(names: Map<string, Entry>, key: string, part: Part): void {
  const entry = names.get(key) as MutableEntry | undefined
  if (entry === undefined) return
  const i = entry.parts.findIndex((other) => JSON.stringify(other) === JSON.stringify(part))
  if (i !== -1) entry.parts.splice(i, 1)
  if (entry.parts.length === 0) names.delete(key)
  else refresh(entry)
}

function refresh(entry: MutableEntry): void {
  const [first] = entry.parts
  const one = entry.parts.length === 1 && first !== undefined
  entry.addresses = one ? first.addresses : [...new Set(entry.parts.flatMap((part) => part.addresses))]
  entry.pointers = one ? first.pointers : [...new Set(entry.parts.flatMap((part) => part.pointers))]
  entry.services = one ? first.services : entry.parts.flatMap((part) => part.services)
  entry.prepared = undefined
}
