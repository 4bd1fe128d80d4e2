/**
 * `loopback`: see README.md.
 *
 * @module
 */

import {
  allVersions,
  type CniResult,
  checkPart,
  definePlugin,
  idOf,
  type Plugin,
  type Request,
} from '../../lib/adapters/cni/index.ts'

async function add(request: Request): Promise<CniResult> {
  const { call, conf } = request
  const engine = await request.engine()
  await engine.parts.add({
    type: 'loopback',
    id: { ...idOf(request), ifname: 'lo' },
    options: {},
    netns: call.netns,
  })
  if (conf.prevResult !== undefined) return conf.prevResult
  const ip = (address: string): CniResult['ips'][number] =>
    ({ address, interface: 0 }) as CniResult['ips'][number]
  return {
    interfaces: [{ name: 'lo', mac: '00:00:00:00:00:00', sandbox: call.netns }],
    ips: [ip('127.0.0.1/8'), ip('::1/128')],
    routes: [],
    dns: {},
  }
}

/** `lo` is up, whatever `CNI_IFNAME` says. */
export const loopback: Plugin = definePlugin({
  type: 'loopback',
  about: 'sets the loopback interface up',
  versions: allVersions,
  add,
  del: async (request) => {
    const { netns } = request.call
    if (netns === '') return
    const engine = await request.engine()
    await engine.parts.remove({
      type: 'loopback',
      id: { ...idOf(request), ifname: 'lo' },
      options: {},
      netns,
    })
  },
  check: (request) => checkPart(request, 'loopback', {}),
  gc: async () => undefined,
  status: async () => undefined,
})
