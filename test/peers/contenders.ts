/**
 * Who is compared: tsnet, the reference CNI plugins as engines chain them, and
 * netavark with aardvark-dns as podman 4 calls it. Debian's packages of the peers.
 *
 * @module
 */
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { repository } from '../../netns-fixtures/place.ts'
import type { RunOptions } from '../../netns-fixtures/process.ts'
import { reference, usualList } from '../netns/cni.ts'
import { debians } from '../netns/netavarks.ts'
import { tsnetWords } from '../netns/strace.ts'
import { podman4, port } from '../unit/adapters/netavark/requests.ts'

/** A container with one published TCP port. */
export interface Who {
  /** Its own in its host: id, and address where the engine chooses it. */
  readonly number: number
  readonly box: Container
  readonly hostPort: number
  /** What its set-up has printed, kept as engines keep it. */
  result?: string
}

export type Task = 'setup' | 'teardown'

/** One program of a task, fed with what the one before has printed. */
export type Step = (before: string) => {
  readonly argv: readonly string[]
  readonly options: Pick<RunOptions, 'env' | 'stdin'>
}

export type ContenderName = 'tsnet' | 'cni' | 'netavark'

export interface Contender {
  readonly about: string
  /** What of a host's files is its own, beside what a snapshot looks at. */
  readonly folders: readonly string[]
  /** It hands out addresses itself. */
  readonly hasPool: boolean
  prepare(host: Host, subnet: string): Promise<unknown>
  /** Programs of a task in their order. */
  steps(task: Task, who: Who): readonly Step[]
  /** The same as it goes with a daemon where there is one. */
  resident(task: Task, who: Who): readonly Step[]
  /** Takes away what belongs to nobody. Undefined: there is no such command. */
  readonly gc?: (host: Host) => Promise<unknown>
  /** What is there all the time on a host that uses it. */
  readonly starts?: (host: Host) => Promise<unknown>
}

const idOf = ({ number }: Who): string => number.toString(16).padStart(8, '0').padEnd(64, 'c0ffee')
const nameOf = ({ number }: Who): string => `c${number}`
const firewall = { TSNET_FIREWALL: 'nftables' }

function tsnetSteps(program: readonly string[], env: RunOptions['env']) {
  return (task: Task, who: Who): readonly Step[] => {
    const named = ['--netns', who.box.netns, '--id', idOf(who), '--container-name', nameOf(who)]
    const words =
      task === 'setup'
        ? ['setup', ...named, '--network', 'peers', '-p', `${who.hostPort}:80`]
        : ['teardown', '--id', idOf(who)]
    return [() => ({ argv: [...program, ...words], options: { env: { ...firewall, ...env } } })]
  }
}

const tsnet: Contender = {
  about: 'tsnet',
  folders: [],
  hasPool: true,
  prepare: (host, subnet) =>
    host.tsnet('network', 'create', 'peers', '--subnet', subnet, {
      env: { ...firewall, TSNET_VIA: 'local' },
    }),
  steps: tsnetSteps(tsnetWords, { TSNET_VIA: 'local' }),
  resident: tsnetSteps([`${repository}dist/launcher/tsnet`], {}),
  gc: (host) => host.tsnet('gc', { env: firewall, timeoutMs: 60_000 }),
  starts: (host) =>
    host.start([...tsnetWords, 'daemon', 'run'], { env: firewall }).waitFor('"listening"', 20_000),
}

/** libcni hands a set-up's last result to its teardown, if it ever had one. */
const previous = (result = ''): object => (result === '' ? {} : { prevResult: JSON.parse(result) as unknown })

let cniSubnet = ''

function cniSteps(task: Task, who: Who): readonly Step[] {
  const ports = [{ hostPort: who.hostPort, containerPort: 80, protocol: 'tcp' }]
  const list = usualList({ name: 'peers', ports, subnets: [cniSubnet] })
  return (task === 'setup' ? list : [...list].reverse()).map((conf) => (before) => ({
    argv: [`${reference}/${String(conf['type'])}`],
    options: {
      stdin: JSON.stringify({ ...conf, ...previous(task === 'setup' ? before : who.result) }),
      env: {
        CNI_COMMAND: task === 'setup' ? 'ADD' : 'DEL',
        CNI_CONTAINERID: idOf(who),
        CNI_IFNAME: 'eth0',
        CNI_NETNS: who.box.netns,
        CNI_PATH: reference,
      },
    },
  }))
}

const cni: Contender = {
  about: 'CNI plugins 1.1.1',
  folders: [],
  hasPool: true,
  prepare: async (_host, subnet) => {
    cniSubnet = subnet
  },
  steps: cniSteps,
  resident: cniSteps,
}

const netavarkConfig = '/run/peers-netavark'

function netavarkSteps(task: Task, who: Who): readonly Step[] {
  const stdin = podman4((podman) => {
    Object.assign(podman.network, {
      ...{ name: 'peers', network_interface: 'podman7', dns_enabled: true },
      subnets: [{ subnet: '10.88.0.0/16', gateway: '10.88.0.1' }],
    })
    const at = who.number + 2
    Object.assign(podman.joining, { static_ips: [`10.88.${at >> 8}.${at & 255}`] })
    Object.assign(podman.call, {
      container_id: idOf(who),
      container_name: nameOf(who),
      networks: { peers: podman.joining },
      network_info: { peers: podman.network },
      port_mappings: [port({ host_port: who.hostPort })],
    })
  })
  const words = ['--config', netavarkConfig, `--aardvark-binary=${debians}/aardvark-dns`, task]
  return [() => ({ argv: [`${debians}/netavark`, ...words, who.box.netns], options: { stdin } })]
}

const netavark: Contender = {
  about: 'netavark 1.4.0',
  folders: [netavarkConfig],
  hasPool: false,
  prepare: (host) => host.sh(`mkdir -p ${netavarkConfig}`),
  steps: netavarkSteps,
  resident: netavarkSteps,
}

export const contenders: Readonly<Record<ContenderName, Contender>> = { tsnet, cni, netavark }
export const contenderNames = Object.keys(contenders) as readonly ContenderName[]
