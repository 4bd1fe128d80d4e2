/**
 * The CNI plugin `host-device`: a device of the host is moved into the sandbox,
 * and back under its old name, which waits in its alias.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import {
  type InterfaceOptions,
  insideFaults,
  insideLines,
  insideSettings,
  ip,
  refuseTakenName,
} from './interface.ts'
import { type LinkDetail, linkNamed, type PartInput, type PartPlan, type PartPlanner } from './part.ts'

export interface HostDevicePartOptions extends InterfaceOptions {
  /** One of both on ADD. */
  readonly device?: string
  readonly hardwareAddress?: string
}

type Input = PartInput<HostDevicePartOptions>

/** The namespace that does the moving, as lines inside the sandbox can name it. */
const home = '/proc/$$/ns/net'

export const hostDevicePart: PartPlanner<HostDevicePartOptions> = {
  alone: true,
  looks: () => [{ what: 'links' }, { what: 'sandbox' }],
  add: planAdd,
  obstacle: ({ device, hardwareAddress }, { host }) => {
    if (device === undefined && hardwareAddress === undefined) return undefined
    const found = host.some(({ name, mac }) =>
      device === undefined ? mac === hardwareAddress?.toLowerCase() : name === device,
    )
    return found
      ? undefined
      : {
          reason: `host device ${device ?? hardwareAddress} is not on the host, it may be in a container`,
          cutsOff: false,
        }
  },
  address: ({ id, options }) => ({
    shared: [],
    steps: [...insideSettings(id.ifname, options, false), ip('sandbox', insideLines(id.ifname, options))],
  }),
  remove: ({ id, facts }) => {
    const inside = linkNamed(facts.sandbox, id.ifname)
    if (inside?.alias === undefined || inside.alias === '') return []
    return [ip('sandbox', [], backLines(id.ifname, inside.alias))]
  },
  check: ({ id, options, facts }) =>
    options.expected === undefined ? [] : insideFaults(facts, id.ifname, options.expected, []),
}

function planAdd({ id, options, facts }: Input): PartPlan {
  refuseTakenName(facts, id.ifname)
  const device = find(options, facts.host)
  return {
    shared: [],
    steps: [
      // One message: the kernel sets down what it moves, and leaves alone what it does not (a bridge, a bond, Wi-Fi).
      ip('host', [`link set dev ${device.name} netns $NETNS name ${id.ifname}`]),
      ip(
        'sandbox',
        [`link set dev ${id.ifname} alias "${device.name}"`, `link set dev ${id.ifname} up`],
        backLines(id.ifname, device.name),
      ),
      ...insideSettings(id.ifname, options, false),
      ip('sandbox', insideLines(id.ifname, options)),
    ],
    interfaces: [{ name: id.ifname, mac: device.mac, mtu: device.mtuBytes, inSandbox: true }],
  }
}

/** Left down, as it may have been. */
function backLines(ifname: string, name: string): readonly string[] {
  return [`link set dev ${ifname} down`, `link set dev ${ifname} netns ${home} name ${name}`]
}

/** @throws TSNET_BAD_VALUE (invalid) */
function find({ device, hardwareAddress }: HostDevicePartOptions, links: readonly LinkDetail[]): LinkDetail {
  const found =
    device === undefined
      ? links.find(({ mac }) => mac === hardwareAddress?.toLowerCase())
      : linkNamed(links, device)
  if (found !== undefined) return found
  throw fail('TSNET_BAD_VALUE', {
    message: `failed to find host device: ${device ?? hardwareAddress}`,
    field: 'device',
    value: device ?? hardwareAddress,
    hint: 'see `ip link`; it may be in another container',
  })
}
