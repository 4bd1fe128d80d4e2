/**
 * The CNI adapter: what a plugin is made of.
 *
 * @module
 */

export { HIGHEST_CONNTRACK_LIMIT } from '../../model/network.ts'
export {
  addressingOf,
  checkPart,
  gcParts,
  idOf,
  ownIps,
  requirePrevious,
  shownOf,
  statusOfPart,
  wantedMac,
  wantedMtu,
} from './chain.ts'
export { chainedPlugin } from './chained.ts'
export { Fields } from './config.ts'
export { readArgs } from './environment.ts'
export { CniError, cniCodes, cniError } from './errors.ts'
export { interfacePlugin } from './interfaces.ts'
export {
  asksOverLink,
  dhcpIpam,
  hasIpam,
  hostLocal,
  ipamAdd,
  ipamCheck,
  ipamDel,
  ipamGc,
  ipamStatus,
  staticIpam,
} from './ipam.ts'
export { aliasesOf, dnsPortOf, hostGateways, ownNames, podName, serverAddresses } from './names.ts'
export { firstAddress, masqueradeBackend, readPortMapping, rulesBackend } from './options.ts'
export { definePlugin, type Plugin, type Request } from './plugin.ts'
export type { CniIp, CniResult } from './result.ts'
export { bandwidthOf, deviceOf, isUserspaceDevice, linkOptions, readAddresses, tuningOf } from './settings.ts'
export { allVersions, isAtLeast, versionsFrom } from './versions.ts'
