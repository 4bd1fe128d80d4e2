/**
 * Whose a namespace is: read from the cgroup of its first process and from the
 * files it is mounted to. Pure: texts in, a guess out, and no guess where the
 * texts say nothing.
 *
 * Limit: cgroup names are an engine's habit and not a contract; the patterns are
 * those of Docker 20-29, Podman 4-5, containerd 1.6-2, CRI-O, nerdctl, LXC and
 * systemd-nspawn, with both cgroup drivers.
 *
 * @module
 */

/** Who made a namespace, as far as it can be told. */
export type EngineName =
  | 'docker'
  | 'podman'
  | 'containerd'
  | 'cri'
  | 'cri-o'
  | 'nerdctl'
  | 'lxc'
  | 'nspawn'
  | 'ip netns'

export interface Origin {
  readonly engine: EngineName
  /** The engine's id of the container, or its name where it has no ids (lxc). */
  readonly container?: string
}

const id = '([0-9a-f]{64})'

const cgroups: readonly (readonly [RegExp, EngineName])[] = [
  [new RegExp(`/docker[/-]${id}`), 'docker'],
  [new RegExp(`/libpod(?:-conmon)?-${id}`), 'podman'],
  [new RegExp(`/crio-(?:conmon-)?${id}`), 'cri-o'],
  [new RegExp(`cri-containerd[-:]${id}`), 'cri'],
  [new RegExp(`/nerdctl-${id}`), 'nerdctl'],
  [new RegExp(`/kubepods[^ ]*/(?:[a-z]+-)?${id}`), 'cri'],
  [/\/lxc(?:\.payload\.|\.payload\/|\/)([^/]+)/, 'lxc'],
  [/\/machine\.slice\/machine-([^/]+)\.scope/, 'nspawn'],
  // containerd's own namespaces are those of its clients.
  [new RegExp(`/k8s\\.io[/-]${id}`), 'cri'],
  [new RegExp(`/moby[/-]${id}`), 'docker'],
  [new RegExp(`/default[/-]${id}`), 'containerd'],
]

/** `/run/docker/netns/0a1b2c3d4e5f`: the name is of Docker's sandbox, not of its container. */
const mounts: readonly (readonly [RegExp, EngineName])[] = [
  [/\/run\/docker\/netns\/([^/]+)$/, 'docker'],
  [/\/run\/netns\/cni-([0-9a-f-]{36})$/, 'cri'],
  [/\/run\/(?:user\/\d+\/)?netns\/netns-([0-9a-f-]{36})$/, 'podman'],
  [/\/run\/netns\/([0-9a-f]{8}-[0-9a-f-]{27})$/, 'cri-o'],
  [/\/run\/lxc[^/]*\/.*\/([^/]+)$/, 'lxc'],
  [/\/run\/netns\/([^/]+)$/, 'ip netns'],
]

/** @returns undefined where nothing tells */
export function originOf(cgroup: string, paths: readonly string[]): Origin | undefined {
  const behind = firstMatch(cgroups, [cgroup])
  if (behind !== undefined) return behind
  const mounted = firstMatch(mounts, paths)
  return mounted === undefined ? undefined : { engine: mounted.engine }
}

/** `web` of `/run/netns/web`: what `ip netns` calls it. */
export function ipNetnsNames(paths: readonly string[]): readonly string[] {
  return paths.flatMap((path) => /^(?:\/var)?\/run\/netns\/([^/]+)$/.exec(path)?.[1] ?? [])
}

function firstMatch(
  patterns: readonly (readonly [RegExp, EngineName])[],
  texts: readonly string[],
): (Origin & { readonly container: string }) | undefined {
  for (const [pattern, engine] of patterns) {
    for (const text of texts) {
      const container = pattern.exec(text)?.[1]
      if (container !== undefined) return { engine, container }
    }
  }
  return undefined
}
