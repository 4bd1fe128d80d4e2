/**
 * What of a bundle matters to its network: its host name, its way of having a
 * network namespace, and the two files its container finds names in.
 *
 * Only files of the bundle are filled: one that is mounted from elsewhere (the
 * host's own /etc/resolv.conf, say) is somebody else's, and so is whatever a
 * link in the root file system leads out to.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/main/config.md
 * @module
 */

import { accessSync, constants, lstatSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fail } from '../../errors/codes.ts'
import { parseJson } from '../../model/json.ts'

/** config.json as far as it is looked at; everything else is kept as it is. */
export interface OciConfig {
  hostname?: unknown
  root?: { path?: unknown }
  mounts?: OciMount[]
  annotations?: Record<string, string>
  hooks?: Record<string, OciHook[]>
  linux?: { namespaces?: { type?: unknown; path?: unknown }[] }
}

export interface OciMount {
  destination?: unknown
  source?: unknown
  type?: string
  options?: string[]
}

export interface OciHook {
  path?: unknown
  args?: string[]
}

/** @throws TSNET_BAD_VALUE, TSNET_BAD_JSON (invalid) */
export function readConfig(path: string): OciConfig {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw fail('TSNET_BAD_VALUE', {
      message: `reading the bundle: ${(cause as Error).message}`,
      field: 'config',
      value: path,
      hint: 'give the config.json of an OCI bundle, or the folder it is in',
      cause,
    })
  }
  const document = parseJson(text, path)
  if (typeof document === 'object' && document !== null && !Array.isArray(document)) return document
  throw fail('TSNET_BAD_JSON', {
    message: `reading ${path}: it is no object`,
    hint: '"runc spec" makes a config.json',
  })
}

export interface BundleFiles {
  readonly resolvConf?: string
  readonly hostsFile?: string
  /** Why one of them is left out. */
  readonly remarks: readonly string[]
}

/** Host paths of the files that are resolv.conf and hosts inside. */
export function bundleFiles(bundle: string, config: OciConfig): BundleFiles {
  const remarks: string[] = []
  const look = (name: string): string | undefined => {
    const found = fileFor(bundle, config, `/etc/${name}`)
    if (!('reason' in found)) return found.path
    remarks.push(`/etc/${name} is left as it is: ${found.reason}`)
    return undefined
  }
  const [resolvConf, hostsFile] = [look('resolv.conf'), look('hosts')]
  return {
    ...(resolvConf === undefined ? {} : { resolvConf }),
    ...(hostsFile === undefined ? {} : { hostsFile }),
    remarks,
  }
}

type Found = { readonly path: string } | { readonly reason: string }

function fileFor(bundle: string, config: OciConfig, destination: string): Found {
  const mount = config.mounts?.findLast((one) => one.destination === destination)
  if (mount === undefined) return fileInRoot(bundle, config, destination)
  const source = typeof mount.source === 'string' ? resolve(bundle, mount.source) : ''
  const real = realPath(source)
  const home = realPath(bundle)
  if (real === undefined || home === undefined || !real.startsWith(`${home}/`)) {
    return { reason: `${source || 'what is mounted there'} is no file of the bundle` }
  }
  return writable(real)
}

function fileInRoot(bundle: string, config: OciConfig, destination: string): Found {
  const root = realPath(resolve(bundle, typeof config.root?.path === 'string' ? config.root.path : 'rootfs'))
  if (root === undefined) return { reason: 'the root file system of the bundle is not there' }
  if (root === '/') return { reason: 'its root is the host’s own' }
  const folder = realPath(`${root}${dirname(destination)}`)
  if (folder === undefined) return { reason: `its root has no ${dirname(destination)}` }
  if (!folder.startsWith(`${root}/`)) return { reason: `${dirname(destination)} leads out of its root` }
  const path = `${folder}${destination.slice(dirname(destination).length)}`
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true) {
    return { reason: 'it is a link' }
  }
  return writable(path)
}

/** The file, or for one that is not there yet its folder. */
function writable(path: string): Found {
  try {
    const there = lstatSync(path, { throwIfNoEntry: false }) !== undefined
    accessSync(there ? path : dirname(path), constants.W_OK)
    return { path }
  } catch {
    return { reason: 'it cannot be written' }
  }
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}
