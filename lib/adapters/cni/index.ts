/**
 * The CNI adapter: what a plugin is made of.
 *
 * @module
 */

export {
  addressingOf,
  checkPart,
  gcParts,
  idOf,
  ownIps,
  requirePrevious,
  shownOf,
  wantedMac,
  wantedMtu,
} from './chain.ts'
export { type ChainedPlugin, chainedPlugin } from './chained.ts'
export { Fields, type NetConf } from './config.ts'
export { CniError, cniCodes, cniError } from './errors.ts'
export { type InterfacePlugin, interfacePlugin } from './interfaces.ts'
export { hostLocal, type Ipam, ipamAdd, ipamCheck, ipamDel, ipamGc, ipamStatus, staticIpam } from './ipam.ts'
export { firstAddress, masqueradeBackend, type PortEntry, readPortMapping, rulesBackend } from './options.ts'
export { definePlugin, type Plugin, type Request } from './plugin.ts'
export type { CniInterface, CniIp, CniResult, CniRoute } from './result.ts'
export { bandwidthOf, deviceOf, linkOptions, readAddresses, tuningOf } from './settings.ts'
export { allVersions, type CniVersion, isAtLeast, versionsFrom } from './versions.ts'
