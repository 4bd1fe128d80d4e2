/**
 * A CNI plugin as somebody else would write it, in a package of their own: chained behind any plugin that makes an
 * interface, it keeps the container from the subnets it names, by routes that end at lo.
 *
 *     { "type": "sinkhole", "subnets": ["203.0.113.0/24"] }
 */
import { closeSync } from 'node:fs'
import { isTsnetError, type RouteStep, readSubnet } from 'tsnet'
import { decodeRoutes, openRouteSocket, type RouteSocket, routeAdd, routeDel, routeList } from 'tsnet/netlink'
import { openNetns, withNetns } from 'tsnet/netns'
import {
  cniError,
  definePlugin,
  type PluginRequest,
  requirePrevious,
  servePlugin,
  versionsFrom,
} from 'tsnet/plugin'

/** Index of lo in every network namespace. */
const LO = 1
const EEXIST = 17

function routesOf({ conf }: PluginRequest): readonly RouteStep[] {
  return conf.fields
    .strings('subnets')
    .map((text) => ({ kind: 'route', where: 'sandbox', to: readSubnet(text, 'subnets'), dev: 'lo' }))
}

/** A socket made inside stays there: what is sent by it later lands in the sandbox. */
async function inside<T>({ call }: PluginRequest, work: (socket: RouteSocket) => Promise<T>): Promise<T> {
  const fd = openNetns(call.netns)
  const socket = withNetns(fd, openRouteSocket)
  try {
    return await work(socket)
  } finally {
    socket.close()
    closeSync(fd)
  }
}

await servePlugin(
  definePlugin({
    type: 'sinkhole',
    about: 'routes that end at lo',
    versions: versionsFrom('0.4.0'),
    add: async (request) => {
      const previous = requirePrevious(request)
      const routes = routesOf(request)
      const replies = await inside(request, (socket) =>
        socket.batch(routes.map((route) => routeAdd(route, LO))),
      )
      const failed = replies.findIndex(({ errno }) => errno !== 0 && errno !== EEXIST)
      if (failed >= 0)
        throw cniError('other', `routing ${routes[failed]?.to} to lo: errno ${replies[failed]?.errno}`)
      return previous
    },
    del: async (request) => {
      try {
        await inside(request, (socket) => socket.batch(routesOf(request).map((route) => routeDel(route, LO))))
      } catch (error) {
        // The namespace is gone, and the routes with it.
        if (!isTsnetError(error, 'TSNET_NOT_A_NETNS')) throw error
      }
    },
    check: async (request) => {
      const there = decodeRoutes(await inside(request, (socket) => socket.dump(routeList())))
      const missing = routesOf(request).find(
        ({ to }) => !there.some((route) => route.to === to && route.out === LO),
      )
      if (missing !== undefined) throw cniError('other', `the route of ${missing.to} to lo is gone`)
    },
    gc: async () => undefined,
    status: async () => undefined,
  }),
)
