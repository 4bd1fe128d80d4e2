/**
 * Every command, in the order of the help.
 *
 * @module
 */

import { bridgeShow } from './bridge/show.ts'
import { capture } from './capture.ts'
import { check } from './check.ts'
import { cniInstall } from './cni/install.ts'
import { cniList } from './cni/list.ts'
import { cniAdd, cniCheck, cniDel, cniGc, cniStatus } from './cni/network.ts'
import type { CommandFamily } from './command.ts'
import { completion } from './completion.ts'
import { conntrack } from './conntrack.ts'
import { daemonLogs } from './daemon/logs.ts'
import { daemonMetrics } from './daemon/metrics.ts'
import { daemonRun } from './daemon/run.ts'
import { daemonStart } from './daemon/start.ts'
import { daemonStatus } from './daemon/status.ts'
import { daemonStop } from './daemon/stop.ts'
import { dnsConformance } from './dns/conformance.ts'
import { dnsExplain, dnsQuery } from './dns/lookup.ts'
import { dnsLs } from './dns/ls.ts'
import { dnsRoute } from './dns/route.ts'
import { dockerInstall, dockerUninstall } from './docker/install.ts'
import { dockerStatus } from './docker/status.ts'
import { doctor } from './doctor.ts'
import { exec, nsenter, sh } from './enter.ts'
import { events } from './events.ts'
import { firewallReload } from './firewall/reload.ts'
import { gc } from './gc.ts'
import { help } from './help.ts'
import { inspect } from './inspect.ts'
import { ipamWho } from './ipam/who.ts'
import { ls } from './ls.ts'
import { map } from './map.ts'
import { networkConnect, networkDisconnect } from './network/connect.ts'
import { networkCreate } from './network/create.ts'
import { networkInspect } from './network/inspect.ts'
import { networkLs } from './network/ls.ts'
import { networkPrune } from './network/prune.ts'
import { networkRm } from './network/rm.ts'
import { networkUpdate } from './network/update.ts'
import { nsLink } from './ns/link.ts'
import { nsLs } from './ns/ls.ts'
import { ociPatch } from './oci/patch.ts'
import { plan } from './plan.ts'
import { podmanInstall, podmanUninstall } from './podman/install.ts'
import { podmanStatus } from './podman/status.ts'
import { port } from './port.ts'
import { prune } from './prune.ts'
import { ps } from './ps.ts'
import { publishAdd, publishLs, publishRm } from './publish/publish.ts'
import { reachCommands } from './reach.ts'
import { route } from './route.ts'
import { rules } from './rules.ts'
import { setup } from './setup.ts'
import { teardown } from './teardown.ts'
import { top } from './top.ts'
import { trace } from './trace.ts'
import { version } from './version.ts'

export const families: readonly CommandFamily[] = [
  { title: 'Connect', commands: [setup, teardown, plan] },
  {
    title: 'Look',
    commands: [
      ls,
      ps,
      map,
      inspect,
      port,
      route,
      rules,
      conntrack,
      top,
      capture,
      events,
      bridgeShow,
      ipamWho,
      nsLs,
      nsLink,
    ],
  },
  { title: 'Enter', commands: [exec, sh, nsenter, ...reachCommands] },
  {
    title: 'Networks',
    commands: [
      networkCreate,
      networkLs,
      networkInspect,
      networkUpdate,
      networkConnect,
      networkDisconnect,
      networkRm,
      networkPrune,
    ],
  },
  { title: 'Ports', commands: [publishAdd, publishRm, publishLs] },
  { title: 'Names', commands: [dnsLs, dnsQuery, dnsExplain, dnsRoute, dnsConformance] },
  { title: 'Mend', commands: [doctor, trace, check, gc, prune, firewallReload] },
  {
    title: 'CNI',
    commands: [cniInstall, cniList, cniAdd, cniDel, cniCheck, cniGc, cniStatus],
  },
  { title: 'Podman', commands: [podmanInstall, podmanUninstall, podmanStatus] },
  { title: 'Docker', commands: [dockerInstall, dockerUninstall, dockerStatus] },
  { title: 'OCI', commands: [ociPatch] },
  {
    title: 'Daemon',
    commands: [daemonRun, daemonStart, daemonStop, daemonStatus, daemonLogs, daemonMetrics],
  },
  { title: 'About', commands: [help, completion, version] },
]
