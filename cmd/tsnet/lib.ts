/**
 * All that the commands use of the library, in one place.
 *
 * Types are imported from here as types; values through `await import()` once a
 * command needs them (command.ts, Session.lib), so that `tsnet version` and the
 * help start without the library.
 *
 * @module
 */

export { asTsnetError, fail } from '../../lib/errors/codes.ts'
export { exitCode } from '../../lib/errors/exit.ts'
export * from '../../lib/index.ts'
export { addressOf, contains } from '../../lib/model/address.ts'
export { decodeBridgeOptions, readDriver } from '../../lib/model/bridgeoptions.ts'
export { parseJson } from '../../lib/model/json.ts'
export { DEFAULT_NETWORK } from '../../lib/model/names.ts'
export { decodeSetupRequest } from '../../lib/model/request.ts'
export { parseAddHost } from '../../lib/model/specs/addhost.ts'
export { parseExpose } from '../../lib/model/specs/expose.ts'
export { parseKeyValues } from '../../lib/model/specs/keyvalue.ts'
export { combineNetworkFlags, parseNetworkFlag } from '../../lib/model/specs/network.ts'
export { parsePublish } from '../../lib/model/specs/publish.ts'
export { readSandbox } from '../../lib/model/specs/sandbox.ts'
export {
  readAddress,
  readContainerName,
  readHostname,
  readMac,
  readMtu,
  readNetworkName,
  readSubnet,
  readUnicast,
} from '../../lib/model/specs/scalar.ts'
export { readSysctls } from '../../lib/model/sysctl.ts'
export { readResolverOption, readSearchDomain } from '../../lib/model/validate.ts'
