/**
 * One capture: which namespace and interface, the filter, and what comes by.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import { openPackets, type PacketSource, type SeenPacket } from '../../kernel/packets/packets.ts'
import { type Address, addressOf, type Cidr, withPrefix } from '../../model/address.ts'
import { nearest } from '../../model/nearest.ts'
import { findNamespace, knownNames, namedExactly } from '../find.ts'
import { addressNames } from '../names.ts'
import type { InterfaceView, Inventory, NamespaceView } from '../views.ts'
import { compileFilter } from './bpf.ts'
import { parseFilter } from './filter.ts'
import { type PacketView, viewPacket } from './packet.ts'
import { type LinkTypeName, pcapHeader, pcapRecord } from './pcap.ts'

/** Where to listen, and for what. */
export interface CaptureRequest {
  readonly container: string
  /** Words of the filter; empty: everything. */
  readonly filter: string
  /** Absent: the only one it has besides lo, else all of them. */
  readonly ifname?: string
  readonly snapBytes: number
}

/** A running capture in one namespace. */
export interface Capture {
  readonly name: string
  /** The interface, or `any`. */
  readonly ifname: string
  /** Of containers and this host, for showing. */
  readonly names: ReadonlyMap<Address, string>
  /** What has come by since. */
  read(): readonly SeenPacket[]
  /** In words. */
  view(packet: SeenPacket): PacketView
  /** Beginning of a pcap file. */
  readonly pcapHeader: Buffer
  /** As a record of a pcap file. */
  pcap(packet: SeenPacket): Buffer
  /** Packets the kernel has dropped because nobody read them in time. */
  lost(): number
  /** The namespace has ended. */
  gone(): boolean
  /** Stops listening; nothing stays behind. */
  close(): void
}

/** Read in one go; the rest waits in the kernel. */
const mostAtOnce = 2000

/**
 * @throws TSNET_NO_SUCH_CONTAINER (notFound), TSNET_BAD_VALUE (invalid) for filter and interface,
 *   TSNET_NOT_PERMITTED (forbidden)
 */
export function openCapture(inventory: Inventory, request: CaptureRequest): Capture {
  const { container, filter, snapBytes } = request
  const view = findNamespace(inventory, container)
  const program = compileFilter(
    parseFilter(filter, {
      addressesOf: (name) => addressesOf(inventory, name),
      names: () => knownNames(inventory.namespaces),
    }),
  )
  const link = linkOf(view, request.ifname)
  const cooked = link === undefined
  const form: LinkTypeName = cooked ? 'cooked' : hasEthernet(link) ? 'ethernet' : 'raw'
  const source: PacketSource = openPackets(view.path, {
    index: link?.index ?? 0,
    cooked,
    filter: program,
    snapBytes,
  })
  const ifnames = new Map(view.interfaces.map(({ index, name }) => [index, name]))
  return {
    name: view.name,
    ifname: link?.name ?? 'any',
    names: addressNames(inventory),
    read: () => source.read(mostAtOnce),
    view: (packet) => viewPacket(packet, cooked, ifnames.get(packet.index) ?? String(packet.index)),
    pcapHeader: pcapHeader(form, snapBytes),
    pcap: (packet) => pcapRecord(packet, form),
    lost: source.lost,
    gone: source.gone,
    close: source.close,
  }
}

/** All addresses of a container, or undefined where nobody is called that. */
function addressesOf(inventory: Inventory, name: string): readonly Cidr[] | undefined {
  return namedExactly(inventory, name)
    ?.interfaces.filter((link) => link.name !== 'lo')
    .flatMap(({ addresses }) => addresses.map(addressOf))
    .filter((address) => !address.startsWith('fe80:'))
    .map((address) => withPrefix(address, address.includes(':') ? 128 : 32))
}

function linkOf(view: NamespaceView, wanted: string | undefined): InterfaceView | undefined {
  if (wanted === 'any') return undefined
  if (wanted !== undefined) {
    const found = view.interfaces.find(({ name }) => name === wanted)
    if (found !== undefined) return found
    const known = view.interfaces.map(({ name }) => name)
    throw fail('TSNET_BAD_VALUE', {
      message: `capturing packets of ${view.name}: it has no interface ${wanted}`,
      field: '--interface',
      value: wanted,
      hint: nearest(wanted, known) ?? `it has ${known.join(', ')}; any is all but lo`,
    })
  }
  const links = view.interfaces.filter(({ name }) => name !== 'lo')
  return links.length === 1 ? links[0] : undefined
}

/** Tunnels and the like have no link header. */
function hasEthernet({ mac, name }: InterfaceView): boolean {
  return mac !== undefined || name === 'lo'
}
