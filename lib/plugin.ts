/**
 * tsnet/plugin: CNI plugins of your own. Five functions; reading the call,
 * checking it, versions, error documents and exit codes are done for you.
 *
 * ```ts
 * import { allVersions, definePlugin, requirePrevious, servePlugin } from 'tsnet/plugin'
 *
 * await servePlugin(
 *   definePlugin({
 *     type: 'passes',
 *     about: 'passes the result on',
 *     versions: allVersions,
 *     add: async (request) => requirePrevious(request),
 *     del: async () => undefined,
 *     check: async () => undefined,
 *     gc: async () => undefined,
 *     status: async () => undefined,
 *   }),
 * )
 * ```
 *
 * @module
 */

export { requirePrevious } from './adapters/cni/chain.ts'
export { Fields, type Json, type NetConf, type ValidAttachment } from './adapters/cni/config.ts'
export type { Call, Command } from './adapters/cni/environment.ts'
export { CniError, cniCodes, cniError } from './adapters/cni/errors.ts'
export { definePlugin, type Plugin, type Request as PluginRequest } from './adapters/cni/plugin.ts'
export type { CniDns, CniInterface, CniIp, CniResult, CniRoute } from './adapters/cni/result.ts'
export { servePlugin } from './adapters/cni/serve.ts'
export { allVersions, type CniVersion, isAtLeast, versionsFrom } from './adapters/cni/versions.ts'
