/**
 * Network configuration lists as they lie in a folder, read as libcni reads them.
 *
 * @see https://github.com/containernetworking/cni/blob/main/SPEC.md#section-1-network-configuration-format
 * @module
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fail } from '../../errors/codes.ts'
import { parseJson } from '../../model/json.ts'
import { noSuchNetwork } from '../../model/unknown.ts'
import { allVersions } from './versions.ts'

type Json = Readonly<Record<string, unknown>>

export interface NetworkList {
  readonly file: string
  readonly name: string
  /** The newest we know of those it offers. */
  readonly cniVersion: string
  readonly disableCheck: boolean
  readonly disableGC: boolean
  readonly plugins: readonly Json[]
  readonly json: Json
}

export const defaultConfDir = '/etc/cni/net.d'

/** All lists of a folder, in the order engines take them. */
export function readLists(folder: string): readonly NetworkList[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => /\.(conf|conflist|json)$/.test(name))
    .sort()
    .map((name) => readList(`${folder}/${name}`))
}

/** @throws TSNET_NO_SUCH_NETWORK (notFound) */
export function findList(folder: string, name: string): NetworkList {
  const lists = readLists(folder)
  const found = lists.find((list) => list.name === name)
  if (found !== undefined) return found
  const known = lists.map((list) => list.name)
  throw noSuchNetwork({
    word: name,
    message: `finding CNI network ${name}: no configuration in ${folder} has that name`,
    known,
    hint: known.length === 0 ? 'tsnet cni install writes one' : `there are ${known.join(', ')}`,
  })
}

function readList(file: string): NetworkList {
  const json = parseJson(readFileSync(file, 'utf8'), file) as Json
  const name = String(json['name'] ?? '')
  const isList = Array.isArray(json['plugins'])
  const inlined = isList ? (json['plugins'] as Json[]) : [json]
  const folded = !isList || isTrue(json['loadOnlyInlinedPlugins']) ? [] : foldedPlugins(dirname(file), name)
  const plugins = [...inlined, ...folded]
  if (plugins.length === 0) {
    throw fail('TSNET_BAD_VALUE', {
      message: `reading ${file}: it has no plugins`,
      field: 'plugins',
      value: [],
      hint: `list some, or put them into ${dirname(file)}/${name}/*.conf`,
    })
  }
  return {
    file,
    name,
    cniVersion: versionOf(json),
    disableCheck: isTrue(json['disableCheck']),
    disableGC: isTrue(json['disableGC']),
    plugins,
    json,
  }
}

/** Plugins in files of their own, beside the list in a folder of the network's name. */
function foldedPlugins(folder: string, name: string): readonly Json[] {
  const own = `${folder}/${name}`
  if (name === '' || name.includes('/') || !existsSync(own)) return []
  return readdirSync(own)
    .filter((file) => file.endsWith('.conf'))
    .sort()
    .map((file) => parseJson(readFileSync(`${own}/${file}`, 'utf8'), `${own}/${file}`) as Json)
}

function versionOf({ cniVersion = '0.1.0', cniVersions }: Json): string {
  const offered = [cniVersion, ...(Array.isArray(cniVersions) ? cniVersions : [])].map(String)
  return allVersions.findLast((known) => offered.includes(known)) ?? String(cniVersion)
}

/** Written as a text here and there. */
function isTrue(value: unknown): boolean {
  return value === true || value === 'true'
}
