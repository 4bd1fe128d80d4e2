/**
 * Having dockerd find its driver, for good.
 *
 * With systemd: a socket and a service of their own, so that the socket is there
 * before dockerd and calls wait while the daemon is restarted. Without: a mark in
 * the state folder, which every daemon of that folder reads when it starts,
 * whoever starts it; and one is started now.
 *
 * @module
 */

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fail } from '../errors/codes.ts'
import { builtProgram } from '../kernel/system/builtprogram.ts'
import { run } from '../kernel/system/run.ts'
import { isUnreadable, reasonOf } from '../state/filefaults.ts'
import { readJson, writeJson } from '../state/files.ts'
import { listFolder, removeEmptyFolder } from '../state/folders.ts'
import { statePaths } from '../state/paths.ts'
import { askStatus } from './client.ts'
import { daemonPlace } from './place.ts'
import { reachOrStart, stopDaemon } from './start.ts'

/** Where the driver listens, and which daemon is meant. */
export interface DockerPlace {
  readonly stateDir?: string
  /** Default /run/docker/plugins/tsnet.sock, with `spec` /run/tsnet/docker.sock. */
  readonly socket?: string
  /** dockerd is told the socket by a file in /etc/docker/plugins, instead of by its place. */
  readonly spec?: boolean
}

/** What `tsnet docker status` shows. */
export interface DockerStatus {
  readonly installed: 'systemd' | 'mark' | 'no'
  readonly socket: string
  /** A .spec file that names the socket. */
  readonly spec?: string
  /** The driver has answered there, in ms; absent: nobody has. */
  readonly answerMs?: number
  /** Networks that Docker has made of tsnet's. */
  readonly networks: number
}

/** What is written down of an installation without systemd. */
export interface DockerMark {
  readonly socket: string
  readonly spec?: string
}

const pluginSocket = '/run/docker/plugins/tsnet.sock'
const specSocket = '/run/tsnet/docker.sock'
const specFile = '/etc/docker/plugins/tsnet.spec'
const unitFolder = '/etc/systemd/system'
const units = ['tsnet-docker.socket', 'tsnet-docker.service'] as const
const firstLine = '# Written by `tsnet docker install`; `tsnet docker uninstall` takes it away.'
/** dockerd gives up after much longer; a driver that is there answers in one. */
const answerLimitMs = 2000
const systemctlLimitMs = 60_000
/** Of a driver that has just been started. */
const startLimitMs = 30_000

const markFile = (stateDir: string | undefined): string => `${stateDir ?? '/var/lib/tsnet'}/docker.json`
const hasSystemd = (): boolean => existsSync('/run/systemd/system')

/**
 * @returns undefined where Docker's driver is not installed for that folder, or systemd keeps its socket
 * @throws TSNET_STATE_UNREADABLE (unavailable) where the mark of it is damaged
 */
export function readMark(stateDir: string | undefined): DockerMark | undefined {
  const path = markFile(stateDir)
  const unusable = (why: string, cause?: unknown): Error =>
    fail('TSNET_STATE_UNREADABLE', {
      message: `reading ${path}: ${why}`,
      hint: `remove ${path} and run "tsnet docker install" again`,
      cause,
    })
  let mark: DockerMark | undefined
  try {
    mark = readJson<DockerMark>(path)
  } catch (error) {
    throw isUnreadable(error) ? unusable(reasonOf(error), error) : error
  }
  if (mark !== undefined && typeof (mark as DockerMark | null)?.socket !== 'string')
    throw unusable('it names no socket')
  return mark
}

/**
 * Repeatable: what is there already is written anew.
 *
 * @throws TSNET_NAME_IN_USE (conflict) where somebody else's file has a name of ours
 * @throws TSNET_DAEMON_UNREACHABLE (unavailable) where it does not answer afterwards
 */
export async function installDocker(place: DockerPlace): Promise<DockerStatus> {
  const { stateDir, spec = false } = place
  const socket = place.socket ?? (spec ? specSocket : pluginSocket)
  if (spec) writeOwn(specFile, `unix://${socket}\n`, (text) => text.startsWith('unix://'))
  if (hasSystemd()) {
    const texts = unitTexts(socket, stateDir)
    for (const unit of units)
      writeOwn(`${unitFolder}/${unit}`, texts[unit], (text) => text.startsWith(firstLine))
    await stopDaemon(stateDir === undefined ? {} : { stateDir })
    await systemctl('daemon-reload')
    await systemctl('enable', '--now', ...units)
  } else {
    writeJson(markFile(stateDir), { socket, ...(spec ? { spec: specFile } : {}) } satisfies DockerMark)
    await restart(stateDir)
  }
  for (const deadline = performance.now() + startLimitMs; performance.now() < deadline; await sleep(100)) {
    const status = await dockerStatus(stateDir)
    if (status.answerMs !== undefined) return status
  }
  throw fail('TSNET_DAEMON_UNREACHABLE', {
    message: `installing Docker's driver: nobody answers at ${socket}`,
    value: socket,
    hint: hasSystemd() ? 'journalctl -u tsnet-docker shows why' : '"tsnet daemon logs" shows why',
  })
}

/**
 * Nothing installed is a success.
 *
 * @throws TSNET_NETWORK_IN_USE (conflict) while Docker has networks of tsnet's
 */
export async function uninstallDocker({ stateDir }: DockerPlace): Promise<DockerStatus> {
  const status = await dockerStatus(stateDir)
  if (status.networks > 0) {
    throw fail('TSNET_NETWORK_IN_USE', {
      message: `uninstalling Docker's driver: Docker has ${status.networks} network${status.networks === 1 ? '' : 's'} of it, whose containers could not be started any more`,
      value: status.networks,
      hint: '"docker network ls -f driver=tsnet" shows them; "docker network rm" first',
    })
  }
  const { spec } = status
  if (spec !== undefined) {
    rmSync(spec, { force: true })
    removeEmptyFolder(dirname(spec))
  }
  if (status.installed === 'systemd') {
    await systemctl('disable', '--now', ...units)
    for (const unit of units) rmSync(`${unitFolder}/${unit}`, { force: true })
    await systemctl('daemon-reload')
  } else if (status.installed === 'mark') {
    rmSync(markFile(stateDir), { force: true })
    await stopDaemon(stateDir === undefined ? {} : { stateDir })
    if (stateDir === undefined) removeEmptyFolder('/var/lib/tsnet')
  }
  return dockerStatus(stateDir)
}

/** Looks, and changes nothing. */
export async function dockerStatus(stateDir: string | undefined): Promise<DockerStatus> {
  const unit = readText(`${unitFolder}/${units[0]}`)
  const listens = unit?.startsWith(firstLine) === true ? /^ListenStream=(.*)$/m.exec(unit)?.[1] : undefined
  const mark = readMark(stateDir)
  const socket = listens ?? mark?.socket ?? pluginSocket
  const answerMs = await timeToAnswer(socket)
  const spec = mark?.spec ?? (readText(specFile)?.trim() === `unix://${socket}` ? specFile : undefined)
  return {
    installed: listens !== undefined ? 'systemd' : mark !== undefined ? 'mark' : 'no',
    socket,
    ...(spec === undefined ? {} : { spec }),
    ...(answerMs === undefined ? {} : { answerMs }),
    networks: listFolder(`${statePaths(stateDir).remote}/networks`).filter((name) => name.endsWith('.json'))
      .length,
  }
}

/** The daemon of the folder reads the mark when it starts. */
async function restart(stateDir: string | undefined): Promise<void> {
  const address = stateDir === undefined ? {} : { stateDir }
  await stopDaemon(address)
  await reachOrStart(address, () => askStatus(daemonPlace(address)), [])
}

function unitTexts(socket: string, stateDir: string | undefined): Record<(typeof units)[number], string> {
  const where = stateDir === undefined ? '' : ` --state-dir ${stateDir}`
  const exec = `${process.execPath} ${builtProgram('tsnet')} daemon run --docker-socket ${socket}${where}`
  return {
    'tsnet-docker.socket': `${firstLine}
[Unit]
Description=tsnet, Docker's network driver: socket
Before=docker.service

[Socket]
ListenStream=${socket}
FileDescriptorName=docker
DirectoryMode=0755
SocketMode=0600
# Calls of dockerd wait here while the driver is restarted.
Backlog=128

[Install]
WantedBy=sockets.target
`,
    'tsnet-docker.service': `${firstLine}
[Unit]
Description=tsnet, Docker's network driver
Requires=tsnet-docker.socket
After=tsnet-docker.socket network.target nftables.service firewalld.service
Before=docker.service

[Service]
ExecStart=${exec}
TimeoutStopSec=40
KillMode=mixed
Restart=always
RestartSec=100ms
OOMScoreAdjust=-500
NoNewPrivileges=yes
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW CAP_SYS_ADMIN CAP_SYS_PTRACE CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_CHOWN CAP_FOWNER CAP_KILL CAP_NET_BIND_SERVICE CAP_SETUID CAP_SETGID CAP_SETPCAP CAP_SYS_NICE CAP_SYS_MODULE

[Install]
WantedBy=multi-user.target
`,
  }
}

function writeOwn(path: string, text: string, isOurs: (text: string) => boolean): void {
  const before = readText(path)
  if (before !== undefined && !isOurs(before)) {
    throw fail('TSNET_NAME_IN_USE', {
      message: `writing ${path}: somebody else's file is there`,
      value: path,
      hint: `look at it and move it away: ${path}`,
    })
  }
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text, { mode: 0o644 })
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

async function systemctl(...args: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await run(['systemctl', ...args], { timeoutMs: systemctlLimitMs })
  if (exitCode === 0) return
  throw fail('TSNET_PROGRAM_FAILED', {
    message: `running systemctl ${args.join(' ')}: exit code ${exitCode}: ${stderr.trim()}`,
    value: exitCode,
    hint: 'systemctl status tsnet-docker.socket tsnet-docker.service',
  })
}

/** As dockerd begins. */
function timeToAnswer(socketPath: string): Promise<number | undefined> {
  const begun = performance.now()
  return new Promise((resolve) => {
    const asking = request(
      { socketPath, path: '/Plugin.Activate', method: 'POST', agent: false, timeout: answerLimitMs },
      (response) => {
        response.resume()
        response.on('end', () =>
          resolve(response.statusCode === 200 ? Math.round(performance.now() - begun) : undefined),
        )
      },
    )
    asking.on('timeout', () => asking.destroy())
    asking.on('error', () => resolve(undefined))
    asking.end()
  })
}
