// Every door of the package, as a project of somebody else imports it: this file is only compiled, and its imports run.
import { defineDriver, definePlugin, type Engine, openEngine, TsnetError, trace } from 'tsnet'
import { type FirewallPrinter, printerFor } from 'tsnet/firewall'
import {
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
import { openDatagramSocket, openListeningSocket, openNetns, withNetns } from 'tsnet/netns'
import { servePlugin } from 'tsnet/plugin'
import { createLab, type Host, type Lab, snapshot, snapshotDifference } from 'tsnet/testing'
import { createMemoryKernel, engineOn } from 'tsnet/testing/memory'

export const functions: Readonly<Record<string, unknown>> = {
  ...{ openEngine, defineDriver, definePlugin, TsnetError, trace, printerFor, servePlugin },
  ...{
    addrList,
    bridgeAdd,
    linkList,
    neighbourList,
    nsidGet,
    openNotices,
    openRouteSocket,
    qdiscList,
    routeList,
  },
  ...{ openDatagramSocket, openListeningSocket, openNetns, withNetns },
  ...{ createLab, snapshot, snapshotDifference, createMemoryKernel, engineOn },
}

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

for (const [name, value] of Object.entries(functions))
  if (typeof value !== 'function') throw new Error(`${name} is no function`)
console.log(Object.keys(functions).length)
