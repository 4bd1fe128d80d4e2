/**
 * Whether a document is one that this tsnet has written: its version and its
 * outline, so that nobody further in meets what he does not expect.
 *
 * Each function says what is wrong, undefined where nothing is.
 *
 * @module
 */

import { parseAddress } from '../model/address.ts'
import type { LoweredKind } from '../plan/step.ts'

type Fields = Readonly<Record<string, unknown>>

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isText = (value: unknown): value is string => typeof value === 'string'
const isList = (value: unknown, of: (one: unknown) => boolean): boolean =>
  Array.isArray(value) && value.every(of)
const isAbsentOr = (value: unknown, is: (one: unknown) => boolean): boolean =>
  value === undefined || is(value)

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0
const isTextList = (value: unknown): boolean => isList(value, isText)

type Outline = Readonly<Record<string, (value: unknown) => boolean>>

const has = (outline: Outline, fields: Fields): boolean =>
  Object.entries(outline).every(([key, is]) => is(fields[key]))

const link: Outline = { name: isText, mac: isText, mtuBytes: isCount, alias: isText }

/** What executors and printers take for granted of each kind. */
const outlines: Readonly<Record<LoweredKind, Outline>> = {
  bridge: link,
  veth: {
    ...link,
    bridge: isText,
    peer: (peer) => isFields(peer) && has({ name: isText, mac: isText }, peer),
  },
  bridgePort: { name: isText },
  linkUp: { dev: isText },
  address: { dev: isText, cidr: isText },
  route: { to: isText, dev: isText, via: (via) => isAbsentOr(via, isText) },
  sysctl: { key: isText, value: isText, before: (before) => isAbsentOr(before, isText) },
  rules: { tool: isText, add: isText, remove: isText },
  batch: { tool: isText, add: isTextList, remove: isTextList },
  conntrack: {
    ...{ protocol: isText, containerAddress: isText, hostAddress: (address) => isAbsentOr(address, isText) },
    ...{ hostPort: isCount, containerPort: isCount, count: isCount },
  },
  file: {
    ...{ path: isText, text: isText },
    ...{ mark: (mark) => isAbsentOr(mark, isText), before: (before) => isAbsentOr(before, isText) },
  },
}

function isStep(step: unknown): boolean {
  if (!isFields(step) || !isText(step['kind']) || !Object.hasOwn(outlines, step['kind'])) return false
  const inPlace = step['where'] === 'host' || step['where'] === 'sandbox'
  return inPlace && has(outlines[step['kind'] as LoweredKind], step)
}

function versionFault(json: unknown): string | undefined {
  const version = isFields(json) ? json['version'] : undefined
  if (version === 1) return undefined
  return `it is of version ${JSON.stringify(version) ?? 'none'}, and this tsnet reads version 1`
}

const isAttachment = (one: unknown): boolean =>
  isFields(one) &&
  ['network', 'ifname', 'hostIfname'].every((key) => isText(one[key])) &&
  isList(one['addresses'], isText) &&
  isList(one['ports'], isFields) &&
  isList(one['aliases'], isText)

const isResult = (result: unknown): boolean =>
  isFields(result) &&
  isFields(result['container']) &&
  isText(result['container']['id']) &&
  isFields(result['sandbox']) &&
  isText(result['sandbox']['path']) &&
  isFields(result['sandbox']['identity']) &&
  ['cookie', 'bootId'].every((key) => isText(((result['sandbox'] as Fields)['identity'] as Fields)[key])) &&
  isList(result['attachments'], isAttachment) &&
  isText(result['createdAt'])

const isOwnedStep = (one: unknown): boolean => isFields(one) && isText(one['of']) && isStep(one['step'])

export function containerFault(json: unknown): string | undefined {
  const fault = versionFault(json)
  if (fault !== undefined) return fault
  const record = json as Fields
  const fits =
    isText(record['id']) &&
    isText(record['container']) &&
    isList(record['networks'], isText) &&
    isFields(record['request']) &&
    isList(record['steps'], isOwnedStep) &&
    isAbsentOr(record['name'], isText) &&
    isAbsentOr(record['result'], isResult) &&
    isAbsentOr(
      record['change'],
      (change) => isFields(change) && isText(change['anchor']) && isList(change['redo'], isStep),
    )
  if (!fits) return 'it is no record of a container'
  const { change } = record as { readonly change?: Fields }
  return change === undefined ? undefined : containerFault(change['without'])
}

export function unitFault(json: unknown): string | undefined {
  const fault = versionFault(json)
  if (fault !== undefined) return fault
  const { unit, steps, change } = json as Fields
  if (!isText(unit) || !isList(steps, isStep)) return 'it is no record of a unit'
  if (change === undefined) return undefined
  if (!isFields(change)) return 'it is no record of a unit'
  return networkFault(change['config']) ?? unitFault(change['unit'])
}

export function networkFault(json: unknown): string | undefined {
  const fits =
    isFields(json) &&
    ['name', 'driver', 'createdAt'].every((key) => isText(json[key])) &&
    isList(json['subnets'], (one) => isFields(one) && isText(one['subnet']) && isText(one['gateway'])) &&
    isFields(json['options']) &&
    isText(json['options']['bridge']) &&
    isFields(json['labels']) &&
    typeof json['ephemeral'] === 'boolean'
  return fits ? undefined : 'it is no definition of a network, or one of another version'
}

export function ownerFault(json: unknown): string | undefined {
  const fits =
    isFields(json) && ['record', 'container', 'path', 'cookie', 'bootId'].every((key) => isText(json[key]))
  return fits ? undefined : 'it names no owner'
}

/** Of what dockerd has told once: {@link PoolDocument} and whatever its door keeps of a network. */
export function documentFault(json: unknown): string | undefined {
  const fits = isFields(json) && isText(json['createdAt']) && isAbsentOr(json['network'], isText)
  return fits ? undefined : 'it is not what was written here'
}

export function poolFault(json: unknown): string | undefined {
  const fits = isFields(json) && isText(json['subnet']) && isList(json['reserved'], isText)
  return fits ? documentFault(json) : 'it is no address pool'
}

/** Of what the keeper of DHCP leases writes down. */
export function leaseFault(json: unknown): string | undefined {
  const fits =
    isFields(json) &&
    isFields(json['order']) &&
    ['network', 'container', 'ifname', 'netns'].every((key) => isText((json['order'] as Fields)[key])) &&
    isFields(json['lease']) &&
    isFields(json['sandbox']) &&
    typeof json['leasedMs'] === 'number'
  return fits ? undefined : 'it is no lease'
}

export function routesFault(json: unknown): string | undefined {
  const isRoute = (one: unknown): boolean =>
    isFields(one) &&
    isText(one['domain']) &&
    isList(one['servers'], (server) => isText(server) && parseAddress(server) !== undefined) &&
    isAbsentOr(one['network'], isText) &&
    isAbsentOr(one['container'], isText)
  return isList(json, isRoute) ? undefined : 'it is no list of routes'
}
