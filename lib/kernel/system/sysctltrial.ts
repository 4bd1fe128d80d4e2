/**
 * Would the kernel take these sysctls in a container?
 *
 * Asked by writing them in a fresh network namespace that nobody will ever use:
 * in the container itself even a value that is put back at once may leave
 * something (`forwarding` changes every interface), and before its interfaces
 * are there half of the keys are not either. Keys of an interface are tried on
 * `lo`. Costs about 1 ms, paid by those who ask for sysctls.
 *
 * @see namespaces(7), https://docs.kernel.org/networking/ip-sysctl.html
 * @module
 */

import type { RefusedSysctl } from '../kernel.ts'
import { withFreshNetns } from '../namespace/netns.ts'
import { EACCES, ENOENT, EPERM, EROFS, errnoOf, errnoText } from './errno.ts'
import { readSysctl, writeSysctl } from './sysctl.ts'

/**
 * @param wanted values by path below /proc/sys
 * @returns the first that is refused; keys a fresh namespace does not have are passed over
 */
export function refusedSysctl(wanted: Readonly<Record<string, string>>): RefusedSysctl | undefined {
  return withFreshNetns(() => {
    for (const [key, value] of Object.entries(wanted)) {
      const refused = tried(key, value)
      if (refused !== undefined) return refused
    }
    return undefined
  })
}

function tried(key: string, value: string): RefusedSysctl | undefined {
  const trial = onLoopback(key)
  try {
    writeSysctl(trial, value)
    return undefined
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === undefined) throw error
    // The name of something the kernel does not have is answered with ENOENT too, such as that of a congestion control.
    if (errno === ENOENT && readSysctl(trial) === undefined) return undefined
    return { key, value, cause: errnoText(errno), isHosts: [EACCES, EPERM, EROFS].includes(errno) }
  }
}

/** `net/ipv4/conf/eth0/rp_filter`, `net/ipv6/neigh/eth0/…` */
function onLoopback(key: string): string {
  return key.replace(/^(net\/ipv[46]\/(?:conf|neigh)\/)(?!(?:all|default)\/)[^/]+\//, '$1lo/')
}
