/**
 * Keys of the plugins that set limits and settings, and of those that choose a
 * device of the host.
 *
 * @module
 */

import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { basename } from 'node:path'
import type { PartOptions } from '../../engine/plugins.ts'
import { type Address, type Cidr, parseAddress, parseCidr, parseMac, subnetOf } from '../../model/address.ts'
import { type Addressing, type Expected, wantedMac, wantedMtu } from './chain.ts'
import type { Fields } from './config.ts'
import { readArgs } from './environment.ts'
import { cniError } from './errors.ts'
import type { Request } from './plugin.ts'

/** What macvlan, ipvlan, vlan, dummy and tap share. */
export function linkOptions(
  request: Request,
  addressing: Addressing,
  expected: Expected | undefined,
): PartOptions['macvlan'] {
  const { fields } = request.conf
  const [mac, mtu, master] = [wantedMac(request), wantedMtu(request), fields.string('master') || undefined]
  return {
    ...addressing,
    ...(expected === undefined ? {} : { expected }),
    ...(mac === undefined ? {} : { mac }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(master === undefined ? {} : { master }),
    linkInContainer: fields.boolean('linkInContainer') ?? false,
  }
}

export function readAddresses(fields: Fields, key: string): readonly Address[] {
  return fields.strings(key).map((text) => {
    const address = parseAddress(text)
    if (address === undefined) throw fields.wrong(key, 'a list of IP addresses')
    return address
  })
}

/** Keys of the configuration beat what comes with the call. @throws CniError 7 */
export function bandwidthOf(fields: Fields, runtime: Fields | undefined): PartOptions['bandwidth'] {
  const keys = ['ingressRate', 'ingressBurst', 'egressRate', 'egressBurst']
  const own = keys.some((key) => (fields.integer(key) ?? 0) !== 0) ? fields : runtime
  if (own === undefined) return { shaped: [], unshaped: [] }
  const limit = (way: 'ingress' | 'egress'): Partial<PartOptions['bandwidth']> => {
    const [rateBits, burstBits] = [own.integer(`${way}Rate`) ?? 0, own.integer(`${way}Burst`) ?? 0]
    if (rateBits < 0 || burstBits < 0) throw cniError('config', `${way} rate and burst must not be negative`)
    if (rateBits === 0 && burstBits === 0) return {}
    if (rateBits === 0) throw cniError('config', `if burst is set, rate must also be set: ${way}`)
    if (burstBits === 0) throw cniError('config', `if rate is set, burst must also be set: ${way}`)
    if (burstBits / 8 >= 2 ** 32) throw cniError('config', `${way} burst cannot be more than 4GB`)
    return { [way]: { rateBits, burstBits } }
  }
  const [shaped, unshaped] = [subnetsIn(fields, 'shapedSubnets'), subnetsIn(fields, 'unshapedSubnets')]
  if (shaped.length > 0 && unshaped.length > 0)
    throw cniError('config', 'shapedSubnets and unshapedSubnets cannot both be set')
  return { ...limit('ingress'), ...limit('egress'), shaped, unshaped }
}

function subnetsIn(fields: Fields, key: string): readonly Cidr[] {
  return fields.strings(key).map((text) => {
    const cidr = parseCidr(text)
    if (cidr === undefined) throw fields.wrong(key, 'a list of subnets')
    return subnetOf(cidr)
  })
}

/** `args.cni` beats the call's own settings, which beat the configuration. @throws CniError 7 */
export function tuningOf({ call, conf }: Request): PartOptions['tuning'] {
  const { fields, args, runtimeConfig } = conf
  const pick = <T>(read: (from: Fields) => T | undefined): T | undefined => read(args) ?? read(fields)
  const text = [
    args.string('mac'),
    runtimeConfig.string('mac'),
    readArgs(call.args, ['MAC', 'IP', 'GATEWAY'])['MAC'],
    fields.string('mac'),
  ].find((one) => one !== undefined && one !== '')
  const mac = text === undefined ? undefined : parseMac(text)
  if (text !== undefined && mac === undefined) throw cniError('config', `invalid MAC address: ${text}`)
  const mtu = pick((from) => from.integer('mtu'))
  const promisc = pick((from) => from.boolean('promisc'))
  const allmulti = pick((from) => from.boolean('allmulti'))
  const queueLength = pick((from) => from.integer('txQLen'))
  const dataDir = fields.string('dataDir') || '/run/cni/tuning'
  if (!dataDir.startsWith('/')) throw fields.wrong('dataDir', 'an absolute path')
  return {
    backup: `${dataDir.replace(/\/+$/, '')}/${call.containerId}_${call.ifname}.json`,
    sysctls: { ...sysctlsOf(fields, call.ifname), ...sysctlsOf(args, call.ifname) },
    ...(mac === undefined ? {} : { mac }),
    ...(mtu === undefined || mtu === 0 ? {} : { mtu }),
    ...(promisc === undefined ? {} : { promisc }),
    ...(allmulti === undefined ? {} : { allmulti }),
    ...(queueLength === undefined ? {} : { queueLength }),
  }
}

const allowlistPath = '/etc/cni/tuning/allowlist.conf'

/** Only settings of a network namespace; either sign may separate the parts. */
function sysctlsOf(fields: Fields, ifname: string): Readonly<Record<string, string>> {
  const given = fields.object('sysctl')
  const paths = (given?.keys ?? []).map((key): [string, string] => {
    refuseUnlisted(key)
    // Whichever sign comes first separates the parts; the other stands for a dot (sysctl.d(5)).
    const dots = /[./]/.exec(key)?.[0] === '.'
    const path = (dots ? key.replace(/[./]/g, (sign) => (sign === '.' ? '/' : '.')) : key).replaceAll(
      'IFNAME',
      ifname,
    )
    const parts = path.split('/')
    if (parts[0] !== 'net' || parts.length < 3 || parts.some((part) => part === '' || /^\.+$/.test(part)))
      throw cniError('config', `invalid net sysctl key: ${JSON.stringify(key)}`)
    return [path, given?.string(key) ?? '']
  })
  const twice = paths.find(([path], i) => paths.findIndex(([other]) => other === path) !== i)
  if (twice !== undefined) throw cniError('config', `duplicated sysctl key: ${twice[0]}`)
  return Object.fromEntries(paths)
}

/** An administrator's list of patterns, one a line. */
function refuseUnlisted(key: string): void {
  if (!existsSync(allowlistPath)) return
  const patterns = readFileSync(allowlistPath, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
  if (!patterns.some((pattern) => new RegExp(pattern).test(key)))
    throw cniError(
      'config',
      `Sysctl ${key} is not allowed. Only the following sysctls are allowed: ${patterns.join(', ')}`,
    )
}

const userspaceDrivers = ['vfio-pci', 'uio_pci_generic', 'igb_uio']

/** A device a program drives itself (DPDK): the kernel has no interface of it, there is nothing to move. */
export function isUserspaceDevice({ conf: { fields, runtimeConfig } }: Request): boolean {
  const pci = runtimeConfig.string('deviceID') || fields.string('pciBusID') || ''
  if ((fields.string('device') ?? '') !== '' || !/^[0-9a-fA-F:.]+$/.test(pci)) return false
  try {
    return userspaceDrivers.includes(basename(readlinkSync(`/sys/bus/pci/devices/${pci}/driver`)))
  } catch {
    return false
  }
}

/** The device `host-device` names by its place; undefined where it is named by MAC. @throws CniError 7 */
export function deviceOf({ conf }: Request): string | undefined {
  const { fields, runtimeConfig } = conf
  const device = fields.string('device') ?? ''
  if (device !== '') return device
  const pci = runtimeConfig.string('deviceID') || fields.string('pciBusID') || ''
  const kernelPath = fields.string('kernelpath') ?? ''
  if (kernelPath !== '' && !kernelPath.startsWith('/sys/devices/'))
    throw cniError('config', `kernel device path ${kernelPath} must be absolute and begin with /sys/devices/`)
  const folder =
    kernelPath === ''
      ? pci && `/sys/bus/${pci.includes(':') ? 'pci' : 'auxiliary'}/devices/${pci}`
      : kernelPath
  if (folder === '') return undefined
  if (pci.includes('/')) throw cniError('config', `invalid device id ${pci}`)
  const names = existsSync(`${folder}/net`) ? readdirSync(`${folder}/net`) : []
  if (names[0] === undefined) throw cniError('config', `no network device at ${folder}`)
  return names[0]
}
