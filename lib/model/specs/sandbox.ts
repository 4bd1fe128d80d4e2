/**
 * The three ways to say which namespace: `--netns PATH`, `--pid PID`, `--name NAME`.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import type { Sandbox } from '../sandbox.ts'

/** The ways to name a sandbox; exactly one is given. */
export interface SandboxSpec {
  readonly path?: string | undefined
  readonly pid?: string | number | undefined
  /** As made by `ip netns add`. */
  readonly name?: string | undefined
}

/** @throws TSNET_BAD_VALUE (invalid) where none or several are given, or one cannot be a namespace */
export function readSandbox(spec: SandboxSpec, field = '--netns'): Sandbox {
  const given = [spec.path, spec.pid, spec.name].filter((part) => part !== undefined)
  const hint = 'give one of a path such as /proc/PID/ns/net, a pid, or a name below /run/netns'
  const refuse: (cause: string, value: unknown) => never = (cause, value) => {
    throw fail('TSNET_BAD_VALUE', { field, value, message: `reading ${field}: ${cause}`, hint })
  }
  if (given.length !== 1) {
    return refuse(
      given.length === 0 ? 'no namespace is given' : 'a namespace is given in several ways',
      undefined,
    )
  }
  if (spec.path !== undefined) {
    const usable = spec.path.startsWith('/') && !spec.path.includes('\0')
    return usable ? { path: spec.path } : refuse(`"${spec.path}" is no absolute path`, spec.path)
  }
  if (spec.pid !== undefined) {
    const usable = /^[1-9]\d{0,9}$/.test(String(spec.pid))
    return usable ? { path: `/proc/${spec.pid}/ns/net` } : refuse(`"${spec.pid}" is no pid`, spec.pid)
  }
  const name = spec.name ?? ''
  const usable = /^[^/\0\s]{1,255}$/.test(name) && name !== '.' && name !== '..'
  return usable ? { path: `/run/netns/${name}` } : refuse(`"${name}" is no name of a namespace`, name)
}
