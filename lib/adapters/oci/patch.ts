/**
 * `tsnet oci patch`: a bundle's config.json with our hooks, its wishes as
 * annotations, a network namespace of its own, and two files of the bundle
 * mounted as /etc/resolv.conf and /etc/hosts. All else stays, as does the
 * file's indentation. Patching again replaces what was patched.
 *
 * @module
 */

import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { type OciConfig, type OciHook, type OciMount, readConfig } from './bundle.ts'
import { annotationPrefix, requestOf, type WishName, wishesOfAnnotations } from './wishes.ts'

export interface PatchWishes {
  /** Absolute path of tsnet-hook. */
  readonly hook: string
  readonly wishes: Readonly<Partial<Record<WishName, readonly string[]>>>
}

const hooks = ['createRuntime', 'poststop'] as const
const files = ['resolv.conf', 'hosts'] as const
const mountOptions = ['rbind', 'rprivate']

/** The config.json that a path means: itself, or the one in that folder. */
export function configPath(path: string): string {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true ? join(path, 'config.json') : path
}

/**
 * Writes the bundle's config.json anew.
 *
 * @returns the configuration as it is now
 * @throws TSNET_BAD_VALUE, TSNET_BAD_JSON (invalid) before anything is changed
 */
export function patchBundle(path: string, { hook, wishes }: PatchWishes): OciConfig {
  const annotations = Object.fromEntries(
    Object.entries(wishes).map(([name, values]) => [`${annotationPrefix}${name}`, values.join(' ')]),
  )
  requestOf({ id: 'bundle', netns: '' }, [wishesOfAnnotations(annotations)])
  const bare = unpatched(readConfig(path))
  const config: OciConfig = {
    ...bare,
    mounts: withMounts(bare.mounts ?? []),
    annotations: { ...bare.annotations, ...annotations },
    hooks: {
      ...bare.hooks,
      ...Object.fromEntries(
        hooks.map((name) => [
          name,
          [...(bare.hooks?.[name] ?? []), { path: hook, args: ['tsnet-hook', name] }],
        ]),
      ),
    },
    linux: withNamespace(bare.linux ?? {}),
  }
  const folder = dirname(path)
  // Runtimes refuse to mount what is not there.
  for (const name of files) if (!existsSync(join(folder, name))) writeFileSync(join(folder, name), '')
  write(path, config)
  return config
}

/** Takes back what `patchBundle` wrote, but for the network namespace, which a bundle may well have had. */
export function unpatchBundle(path: string): OciConfig {
  const config = unpatched(readConfig(path))
  write(path, config)
  for (const name of files) {
    const file = join(dirname(path), name)
    if (statSync(file, { throwIfNoEntry: false })?.size === 0) rmSync(file)
  }
  return config
}

/** Members stay in their order: a person will compare. */
function unpatched(config: OciConfig): OciConfig {
  const kept = Object.entries(config.annotations ?? {}).filter(([key]) => !key.startsWith(annotationPrefix))
  const others = Object.entries(config.hooks ?? {})
    .map(([name, list]) => [name, list.filter((one) => !isOurs(one))] as const)
    .filter(([, list]) => list.length > 0)
  const bare = { ...config }
  if (bare.mounts !== undefined) bare.mounts = bare.mounts.filter((one) => !isOurMount(one))
  if (kept.length > 0) bare.annotations = Object.fromEntries(kept)
  else delete bare.annotations
  if (others.length > 0) bare.hooks = Object.fromEntries(others)
  else delete bare.hooks
  return bare
}

const isOurs = ({ path }: OciHook): boolean => typeof path === 'string' && basename(path) === 'tsnet-hook'

const isOurMount = ({ destination, source }: OciMount): boolean =>
  files.some((name) => source === name && destination === `/etc/${name}`)

/** What the bundle mounts there itself stays. */
function withMounts(mounts: readonly OciMount[]): OciMount[] {
  const missing = files.filter((name) => !mounts.some(({ destination }) => destination === `/etc/${name}`))
  const ours = missing.map((name) => ({
    destination: `/etc/${name}`,
    type: 'bind',
    source: name,
    options: mountOptions,
  }))
  return [...mounts, ...ours]
}

function withNamespace(linux: NonNullable<OciConfig['linux']>): NonNullable<OciConfig['linux']> {
  const { namespaces = [] } = linux
  if (namespaces.some(({ type }) => type === 'network')) return linux
  return { ...linux, namespaces: [...namespaces, { type: 'network' }] }
}

/** In one rename, indented as it was: runc writes tabs, crun and podman three or four spaces. */
function write(path: string, config: OciConfig): void {
  const indent = /^\{\s*\n([ \t]+)/.exec(readFileSync(path, 'utf8'))?.[1] ?? '  '
  const fresh = `${path}.${process.pid}`
  writeFileSync(fresh, `${JSON.stringify(config, null, indent)}\n`, { mode: statSync(path).mode & 0o777 })
  renameSync(fresh, path)
}
