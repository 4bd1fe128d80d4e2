/**
 * Steps that are lines for `ip`, `bridge`, `tc` or `firewall-cmd`: one process
 * for each step.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import type { BatchStep } from '../../plan/step.ts'
import { descriptorPath, exec } from '../system/exec.ts'
import { heldLocks } from '../system/lock.ts'
import type { RunResult } from '../system/run.ts'
import type { Handler, Sides, View } from './handler.ts'

export const batch: Handler<'batch'> = {
  doing: ({ tool, add }) => `running ${tool} ${add[0] ?? ''}`,
  apply: {
    by: 'call',
    call: async (step, sides) => {
      if (step.add.length === 0) return { created: true }
      const result = await runLines(step, step.add, sides, [])
      if (step.context !== undefined && /^runcon:/m.test(result.stderr)) throw noContext(step.context, result)
      if (result.exitCode !== 0) throw complaint(step, step.add, result)
      return { created: true }
    },
  },
  undo: {
    by: 'call',
    order: 'inPlace',
    dies: () => false,
    call: async (step, sides) => {
      if (step.remove.length === 0) return
      const { context: _onlyForth, ...back } = step
      const result = await runLines(back, step.remove, sides, ['-force'])
      if (result.exitCode !== 0 && !saysOnlyGone(result.stderr)) throw complaint(step, step.remove, result)
    },
  },
  // Of what the others made the kernel is asked by whoever needs it.
  holds: (step, view) => step.tool !== 'firewall-cmd' || inZone(step, view),
}

function runLines(
  { tool, where, context }: BatchStep,
  lines: readonly string[],
  { sandbox }: Sides,
  flags: readonly string[],
): Promise<RunResult> {
  if (where === 'sandbox' && sandbox === undefined)
    throw fail('TSNET_INTERNAL', { message: `running ${tool}: no sandbox is open` })
  // It has no batches, but takes many wishes at once.
  if (tool === 'firewall-cmd')
    return exec([tool, '--quiet', ...lines.flatMap((line) => line.split(' '))], { inherits: heldLocks })
  const netns = sandbox === undefined ? '/nonexistent' : descriptorPath(sandbox)
  // `$$` as in a shell: our own process, by which the host's namespace is named.
  const input = lines
    .map((line) => `${line.replaceAll('$NETNS', netns).replaceAll('$$', String(process.pid))}\n`)
    .join('')
  const call = [tool, ...flags, '-batch', '-'] as const
  return exec(context === undefined ? call : ['runcon', context, ...call], {
    input,
    sandbox: where === 'sandbox' ? sandbox : undefined,
    inherits: heldLocks,
  })
}

/** What firewalld has in each zone, asked once for each look at the host: starting `firewall-cmd` takes 140 ms. */
const zones = new WeakMap<View, Map<string, Promise<ReadonlySet<string> | undefined>>>()

/** Nothing is missing where firewalld does not run: it drops nothing then. */
async function inZone({ add }: BatchStep, view: View): Promise<boolean> {
  const [zone = '', ...wishes] = add
  const asked = zones.get(view) ?? new Map<string, Promise<ReadonlySet<string> | undefined>>()
  zones.set(view, asked)
  const answer = asked.get(zone) ?? membersOf(zone)
  asked.set(zone, answer)
  const members = await answer
  return members === undefined || wishes.every((wish) => members.has(wish.slice(wish.indexOf('=') + 1)))
}

async function membersOf(zone: string): Promise<ReadonlySet<string> | undefined> {
  const { exitCode, stdout } = await exec(['firewall-cmd', zone, '--list-all'])
  if (exitCode !== 0) return undefined
  const lists = [...stdout.matchAll(/^ {2}(?:interfaces|sources): (.*)$/gm)].map(([, list = '']) => list)
  return new Set(lists.flatMap((list) => list.split(' ')))
}

function noContext(context: string, { stderr }: RunResult): Error {
  const reason = /^runcon: (.*)/m.exec(stderr)?.[1] ?? stderr
  const message = `taking on the SELinux context ${context}: ${reason}`
  return /only on a SELinux kernel/.test(stderr)
    ? fail('TSNET_KERNEL_FEATURE_MISSING', {
        message: `${message}: the kernel lacks CONFIG_SECURITY_SELINUX, or was started without it`,
        hint: 'leave selinuxContext out, or start the kernel with security=selinux',
      })
    : fail('TSNET_STEP_FAILED', { message })
}

/** Words of iproute2 for: it is not there. */
const gone =
  /Cannot find device|No such device|No such process|No such file or directory|does not exist|Cannot assign requested address|Invalid handle|UNKNOWN_SOURCE|UNKNOWN_INTERFACE|NOT_ENABLED|not running|Parent Qdisc doesn't exists|Cannot delete qdisc with handle of zero/

function saysOnlyGone(stderr: string): boolean {
  return stderr
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('Command failed'))
    .every((line) => gone.test(line))
}

/** Kernel options by what the refused line asked for. */
const options: readonly (readonly [RegExp, string])[] = [
  [/ type macvlan\b/, 'CONFIG_MACVLAN'],
  [/ type ipvlan\b/, 'CONFIG_IPVLAN'],
  [/ type vlan\b/, 'CONFIG_VLAN_8021Q'],
  [/ type vrf\b/, 'CONFIG_NET_VRF'],
  [/ type dummy\b/, 'CONFIG_DUMMY'],
  [/ type ifb\b/, 'CONFIG_IFB'],
  [/ type veth\b/, 'CONFIG_VETH'],
  [/\btuntap\b/, 'CONFIG_TUN'],
  [/vlan_filtering|^vlan /, 'CONFIG_BRIDGE_VLAN_FILTERING'],
  [/\btbf\b/, 'CONFIG_NET_SCH_TBF'],
  [/\bhtb\b/, 'CONFIG_NET_SCH_HTB'],
  [/\bingress\b/, 'CONFIG_NET_SCH_INGRESS'],
  [/\bmirred\b/, 'CONFIG_NET_ACT_MIRRED'],
  [/^(-6 )?rule /, 'CONFIG_IP_MULTIPLE_TABLES'],
]

function complaint({ tool }: BatchStep, lines: readonly string[], { exitCode, stderr }: RunResult): Error {
  const number = Number(/Command failed -:(\d+)/.exec(stderr)?.[1] ?? Number.NaN)
  const line = lines[number - 1] ?? lines[0] ?? ''
  const reason = stderr
    .split('\n')
    .map((one) => one.replace(/^(RTNETLINK answers|Error): /, '').trim())
    .find((one) => one !== '' && !one.startsWith('Command failed'))
  const message = `${tool} ${line}: ${(reason ?? `exit code ${exitCode}`).replace(/\.$/, '')}`
  if (/File exists/.test(stderr) && /\blink add\b/.test(line))
    return fail('TSNET_IFNAME_IN_USE', { message, hint: 'see `ip link`, on the host and in the sandbox' })
  const option = options.find(([pattern]) => pattern.test(line))?.[1]
  const lacking =
    /Unknown device type|Operation not supported|Specified qdisc (kind is unknown|not found)|Invalid argument.*vlan_filtering/
  if (option !== undefined && (lacking.test(stderr) || (/vlan/.test(option) && /Invalid/.test(stderr)))) {
    return fail('TSNET_KERNEL_FEATURE_MISSING', {
      message: `${message}: the kernel lacks ${option}`,
      hint: `a kernel with ${option}, or its module loaded`,
    })
  }
  const unknown = /unknown option "([^"]+)"/.exec(stderr)?.[1]
  if (unknown !== undefined) {
    return fail('TSNET_STEP_FAILED', { message, hint: `an iproute2 that knows ${unknown}: see \`ip -V\`` })
  }
  if (/Operation not permitted/.test(stderr))
    return fail('TSNET_NOT_PERMITTED', { message, hint: 'run as root, with CAP_NET_ADMIN' })
  return fail('TSNET_STEP_FAILED', { message })
}
