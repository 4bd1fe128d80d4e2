/**
 * The CNI plugin `tuning`: settings of an interface that is there, and of its
 * sandbox.
 *
 * What the interface was before goes into the record, and into the reference
 * plugin's backup file, so that either set can put it back. Settings of the
 * sandbox are not put back, as with the reference plugin.
 *
 * @module
 */

import type { Step } from '../../plan/step.ts'
import { sysctl } from '../../plan/sysctl.ts'
import { ip } from './interface.ts'
import { type LinkDetail, linkNamed, type PartInput, type PartPlan, type PartPlanner } from './part.ts'

export interface TuningPartOptions {
  /** Paths below /proc/sys to values. */
  readonly sysctls: Readonly<Record<string, string>>
  readonly mac?: string
  readonly mtu?: number
  readonly promisc?: boolean
  readonly allmulti?: boolean
  readonly queueLength?: number
  /** Path of the backup file. */
  readonly backup: string
}

type Input = PartInput<TuningPartOptions>

export const tuningPart: PartPlanner<TuningPartOptions> = {
  alone: true,
  looks: ({ sysctls, backup }, doing) => [
    { what: 'sandbox' },
    { what: 'sandboxSysctls', keys: Object.keys(sysctls) },
    ...(doing === 'remove' ? ([{ what: 'file', path: backup }] as const) : []),
  ],
  add: planAdd,
  remove: planRemoval,
  check: faults,
}

function planAdd({ id: { ifname }, options, facts }: Input): PartPlan {
  const link = linkNamed(facts.sandbox, ifname)
  const set = (words: string): string => `link set dev ${ifname} ${words}`
  const changes = link === undefined ? [] : changesOf(options, link)
  return {
    shared: [],
    steps: [
      ...Object.entries(options.sysctls).map(
        ([key, value]): Step => sysctl('sandbox', key, value, { keep: true }),
      ),
      ...(changes.length === 0
        ? []
        : [
            backupFile(options.backup, `${JSON.stringify(backupOf(options, link as LinkDetail))}\n`),
            ip(
              'sandbox',
              changes.map(([to]) => set(to)),
              changes.map(([, back]) => set(back)),
            ),
          ]),
    ],
    interfaces: [],
  }
}

/** With the keys of the reference plugin: of what is changed only. */
interface Backup {
  readonly mac?: string
  readonly promisc?: boolean
  readonly mtu?: number
  readonly allmulti?: boolean
  readonly txQLen?: number
}

function backupOf({ mac, mtu, promisc, allmulti, queueLength }: TuningPartOptions, link: LinkDetail): Backup {
  return {
    ...(mac === undefined ? {} : { mac: link.mac }),
    ...(promisc === undefined ? {} : { promisc: link.promisc }),
    ...(mtu === undefined ? {} : { mtu: link.mtuBytes }),
    ...(allmulti === undefined ? {} : { allmulti: link.allmulti }),
    ...(queueLength === undefined ? {} : { txQLen: link.queueLength }),
  }
}

function backupFile(path: string, text: string): Step {
  return { kind: 'file', where: 'host', path, text }
}

/** By the file the reference plugin left; it goes when all is put back. */
function planRemoval({ id: { ifname }, options, facts }: Input): readonly Step[] {
  const text = facts.files.get(options.backup)
  if (text === undefined) return []
  const link = linkNamed(facts.sandbox, ifname)
  const back = link === undefined ? [] : changesOf(changesBack(text), link).map(([to]) => to)
  return [
    backupFile(options.backup, text),
    ...(back.length === 0
      ? []
      : [
          ip(
            'sandbox',
            [],
            back.map((words) => `link set dev ${ifname} ${words}`),
          ),
        ]),
  ]
}

/** Nothing where the file is no backup: it could have been cut off. */
function changesBack(
  text: string,
): Pick<TuningPartOptions, 'mac' | 'mtu' | 'promisc' | 'allmulti' | 'queueLength'> {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return {}
  }
  const { mac, promisc, mtu, allmulti, txQLen } = (json ?? {}) as Record<string, unknown>
  return {
    ...(typeof mac === 'string' && mac !== '' ? { mac } : {}),
    ...(typeof promisc === 'boolean' ? { promisc } : {}),
    ...(typeof mtu === 'number' && mtu > 0 ? { mtu } : {}),
    ...(typeof allmulti === 'boolean' ? { allmulti } : {}),
    ...(typeof txQLen === 'number' ? { queueLength: txQLen } : {}),
  }
}

/** Words for `ip link set`, there and back. */
function changesOf(
  options: ReturnType<typeof changesBack>,
  link: LinkDetail,
): readonly (readonly [to: string, back: string])[] {
  const { mac, mtu, promisc, allmulti, queueLength } = options
  const onOff = (on: boolean): string => (on ? 'on' : 'off')
  return [
    ...(mac === undefined ? [] : [[`address ${mac}`, `address ${link.mac}`] as const]),
    ...(promisc === undefined
      ? []
      : [[`promisc ${onOff(promisc)}`, `promisc ${onOff(link.promisc)}`] as const]),
    ...(mtu === undefined ? [] : [[`mtu ${mtu}`, `mtu ${link.mtuBytes}`] as const]),
    ...(allmulti === undefined
      ? []
      : [[`allmulticast ${onOff(allmulti)}`, `allmulticast ${onOff(link.allmulti)}`] as const]),
    ...(queueLength === undefined
      ? []
      : [[`txqueuelen ${queueLength}`, `txqueuelen ${link.queueLength}`] as const]),
  ]
}

function faults({ id: { ifname }, options, facts }: Input): readonly string[] {
  const link = linkNamed(facts.sandbox, ifname)
  if (link === undefined) return [`interface ${ifname} is missing in the container`]
  const compare = <T>(what: string, wanted: T | undefined, is: T): readonly string[] =>
    wanted === undefined || wanted === is ? [] : [`${what} of ${ifname} is ${is}, not ${wanted}`]
  return [
    ...Object.entries(options.sysctls)
      .filter(([key, value]) => facts.sandboxSysctls.get(key) !== value.trim())
      .map(([key, value]) => `sysctl ${key} is ${facts.sandboxSysctls.get(key) ?? 'missing'}, not ${value}`),
    ...compare('MAC', options.mac, link.mac),
    ...compare('promiscuous mode', options.promisc ?? false, link.promisc),
    ...compare('MTU', options.mtu, link.mtuBytes),
    ...compare('allmulti mode', options.allmulti, link.allmulti),
    ...compare('queue length', options.queueLength, link.queueLength),
  ]
}
