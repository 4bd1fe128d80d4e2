// Every door of the package, as a project of somebody else imports it: this file is only compiled, and its imports run.
import type { Engine } from 'tsnet'
import type { FirewallPrinter } from 'tsnet/firewall'
import type { Host, Lab } from 'tsnet/testing'

export { defineDriver, definePlugin, openEngine, TsnetError, trace } from 'tsnet'
export { printerFor } from 'tsnet/firewall'
export {
  addrList,
  bridgeAdd,
  linkList,
  neighbourList,
  nsidGet,
  openNotices,
  openRouteSocket,
  qdiscList,
  routeList,
} from 'tsnet/netlink'
export { openDatagramSocket, openListeningSocket, openNetns, withNetns } from 'tsnet/netns'
export { servePlugin } from 'tsnet/plugin'
export { createLab, snapshot, snapshotDifference } from 'tsnet/testing'
export { createMemoryKernel, engineOn } from 'tsnet/testing/memory'

export async function typed(lab: Lab, engine: Engine, printer: FirewallPrinter): Promise<readonly string[]> {
  const host: Host = await lab.host('host')
  const { body = '' } = await host.probe.http('127.0.0.1', 80)
  const [first] = await engine.list()
  await engine.setup(
    // @ts-expect-error a request has more than this: types are there, and are not any
    { sandbox: 1 },
    { signal: AbortSignal.timeout(1) },
  )
  // @ts-expect-error as above
  printer.nothing
  return [body, first?.container.id ?? '']
}

// Not awaited: this module is there when it has come to its end.
void import(import.meta.url).then((functions: Readonly<Record<string, unknown>>) => {
  for (const [name, value] of Object.entries(functions))
    if (typeof value !== 'function') throw new Error(`${name} is no function`)
  console.log(Object.keys(functions).length)
})
