/**
 * `bridge`: see README.md.
 *
 * @module
 */

import {
  type CniIp,
  type CniResult,
  cniError,
  type Fields,
  firstAddress,
  interfacePlugin,
  isAtLeast,
  masqueradeBackend,
  type Plugin,
  type Request,
  wantedMac,
  wantedMtu,
} from '../../lib/adapters/cni/index.ts'

interface VlanRange {
  readonly first: number
  readonly last: number
}

function bridgeName({ conf }: Request): string {
  return conf.fields.string('bridge') || 'cni0'
}

function isGateway(fields: Fields): boolean {
  return fields.boolean('isGateway') === true || fields.boolean('isDefaultGateway') === true
}

function vlanTrunk(fields: Fields): readonly VlanRange[] {
  return fields.objects('vlanTrunk').map((entry) => {
    const [id, min, max] = [entry.integer('id'), entry.integer('minID'), entry.integer('maxID')]
    const [first, last] = id === undefined ? [min, max] : [id, id]
    if (first === undefined || last === undefined)
      throw cniError('config', 'minID and maxID should be configured together')
    if (first < 1 || last > 4094 || first > last)
      throw cniError('config', `incorrect trunk ID range ${first}-${last}`)
    return { first, last }
  })
}

function vlanId(fields: Fields): number {
  const vlan = fields.integer('vlan') ?? 0
  if (vlan < 0 || vlan > 4094)
    throw cniError('config', `invalid VLAN ID ${vlan} (must be between 0 and 4094)`)
  return vlan
}

/** A gateway for every address, and with `isDefaultGateway` a way out by it. */
function complete({ conf }: Request, ipam: CniResult): CniResult {
  if (!isGateway(conf.fields)) return ipam
  const ips = ipam.ips.map((ip): CniIp => ({ ...ip, gateway: ip.gateway ?? firstAddress(ip.address) }))
  if (conf.fields.boolean('isDefaultGateway') !== true) return { ...ipam, ips }
  const missing = ips.filter(
    ({ address }) =>
      !ipam.routes.some(({ dst }) => dst.endsWith('/0') && dst.includes(':') === address.includes(':')),
  )
  const routes = missing.map(
    ({ address, gateway }) =>
      ({ dst: address.includes(':') ? '::/0' : '0.0.0.0/0', gw: gateway }) as CniResult['routes'][number],
  )
  return { ...ipam, ips, routes: [...ipam.routes, ...routes] }
}

/** A Linux bridge, a pair for each container. */
export const bridge: Plugin = interfacePlugin({
  type: 'bridge',
  about: 'connects containers to a bridge of the host',
  ipam: 'optional',
  complete,
  bridge: bridgeName,
  options: (request, addressing, expected) => {
    const { conf } = request
    const { fields } = conf
    const [mac, mtu] = [wantedMac(request), wantedMtu(request)]
    const promisc = fields.boolean('promiscMode') ?? false
    const hairpin = fields.boolean('hairpinMode') ?? false
    if (hairpin && promisc)
      throw cniError('config', 'cannot set hairpin mode and promiscuous mode at the same time')
    const disabled = fields.boolean('disableContainerInterface') ?? false
    if (disabled && conf.ipam?.has('type'))
      throw cniError('config', 'cannot use IPAM when DisableContainerInterface flag is set')
    if (!isAtLeast(conf.cniVersion, '0.3.0') && conf.ipam === undefined && !disabled)
      throw cniError('config', 'layer 2 only networks need cniVersion 0.3.0 or newer')
    const masquerade = masqueradeBackend(request)
    return {
      ...addressing,
      ...(expected === undefined ? {} : { expected }),
      ...(mac === undefined ? {} : { mac }),
      ...(mtu === undefined ? {} : { mtu }),
      ...(masquerade === undefined ? {} : { masquerade }),
      bridge: bridgeName(request),
      isGateway: isGateway(fields),
      forceAddress: fields.boolean('forceAddress') ?? false,
      hairpin,
      promisc,
      vlan: vlanId(fields),
      vlanTrunk: vlanTrunk(fields),
      preserveDefaultVlan: fields.boolean('preserveDefaultVlan') ?? false,
      macSpoofCheck: fields.boolean('macspoofchk') ?? false,
      detectDuplicates: fields.boolean('enabledad') ?? false,
      disabled,
      isolated: fields.boolean('portIsolation') ?? false,
    }
  },
})
