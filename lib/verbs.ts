/**
 * What setup, teardown, ls, port, check and version need of the library, and
 * nothing besides: their program (cmd/tsnet/hot.ts) is half the size of the
 * whole, so each starts 5 ms sooner. A part of index.ts, under the same names.
 *
 * @module
 */

export { openEngine } from './daemon/open.ts'
export { asTsnetError, fail, isTsnetError, retold } from './errors/codes.ts'
export { exitCode } from './errors/exit.ts'
export { parseJson } from './model/json.ts'
export { DEFAULT_NETWORK } from './model/names.ts'
export { nearest } from './model/nearest.ts'
export { openPorts, shortPorts } from './model/openports.ts'
export { decodeSetupRequest } from './model/request.ts'
export { parseAddHost } from './model/specs/addhost.ts'
export { parseExpose } from './model/specs/expose.ts'
export { readFilePath } from './model/specs/filepath.ts'
export { parseKeyValues } from './model/specs/keyvalue.ts'
export { parseLink } from './model/specs/link.ts'
export { combineNetworkFlags, meantNetwork, parseNetworkFlag } from './model/specs/network.ts'
export { parsePublish } from './model/specs/publish.ts'
export { readSandbox } from './model/specs/sandbox.ts'
export {
  readAddress,
  readContainerName,
  readHostname,
  readMac,
  readMtu,
  readUnicast,
} from './model/specs/scalar.ts'
export { readSysctls } from './model/sysctl.ts'
export { readResolverOption, readSearchDomain } from './model/validate.ts'
