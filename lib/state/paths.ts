/**
 * Where tsnet keeps what survives a process.
 *
 * ```
 * /var/lib/tsnet/                    definitions: survive a reboot
 *   networks/<name>.json             user networks
 *   docker/networks, docker/pools   what dockerd told once and will not tell again
 *   dns-routes.json                  which servers are asked for which domain
 * /run/tsnet/                        run state: gone with the namespaces it describes
 *   containers/<id>.json             what was set up, with the steps that undo it
 *   pending/container.<id>.json      work begun and not finished (journal); same shape
 *   pending/unit.<unit>.json         likewise
 *   units/<unit>.json                base rules, bridges, network rules that are in the kernel
 *   ephemeral/<name>.json            networks made at first use
 *   leases/<network>/<address>       created O_EXCL: the file is the reservation
 *   ports/<proto>/<port>/<address>   likewise; ranges in ports/<proto>/ranges/<first>-<last>_<address>
 *   names/<name>                     container names, likewise
 *   locks/                           flock(2) files, empty
 *   tsnetd.pid                       which process is tsnetd, locked as long as it is (lib/daemon)
 *   dns.sock                         where the name server is told of changes
 *   dns.log                          what it has to complain about
 *   boot                             id of the boot the rest is about
 *   beside/<hash>.json               paths of other state folders that have packet rules on this host (beside.ts)
 * ```
 *
 * With `--state-dir X` everything lies under X but `beside/`. Folders appear when they are
 * needed and go with the last thing in them.
 *
 * @module
 */

export interface StatePaths {
  readonly networks: string
  readonly containers: string
  readonly pending: string
  readonly units: string
  readonly ephemeral: string
  readonly leases: string
  readonly ports: string
  readonly names: string
  readonly locks: string
  readonly boot: string
  /** Run state: the folder that most of the others are in. */
  readonly run: string
  /** Of tsnetd, where it listens at its usual place. */
  readonly daemonPid: string
  readonly nameSocket: string
  readonly nameLog: string
  readonly nameRoutes: string
  /** What engines told of networks of theirs that are ours to make. */
  readonly remote: string
  /** Folders that are there for tsnet alone, and go when they are empty. */
  readonly ours: readonly string[]
}

export function statePaths(stateDir?: string): StatePaths {
  const run = stateDir ?? '/run/tsnet'
  return {
    networks: `${stateDir ?? '/var/lib/tsnet'}/networks`,
    containers: `${run}/containers`,
    pending: `${run}/pending`,
    units: `${run}/units`,
    ephemeral: `${run}/ephemeral`,
    leases: `${run}/leases`,
    ports: `${run}/ports`,
    names: `${run}/names`,
    locks: `${run}/locks`,
    boot: `${run}/boot`,
    run,
    daemonPid: `${run}/tsnetd.pid`,
    nameSocket: `${run}/dns.sock`,
    nameLog: `${run}/dns.log`,
    remote: `${stateDir ?? '/var/lib/tsnet'}/docker`,
    nameRoutes: `${stateDir ?? '/var/lib/tsnet'}/dns-routes.json`,
    ours: stateDir === undefined ? ['/run/tsnet', '/var/lib/tsnet'] : [],
  }
}
