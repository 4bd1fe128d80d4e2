/**
 * Which error a refused step is.
 *
 * @module
 */

import { existsSync } from 'node:fs'
import { fail } from '../../errors/codes.ts'
import { TsnetError } from '../../errors/error.ts'
import type { LoweredStep } from '../../plan/step.ts'
import {
  EACCES,
  EAFNOSUPPORT,
  EINVAL,
  ENODEV,
  ENOENT,
  EOPNOTSUPP,
  EPERM,
  ERANGE,
  EROFS,
  EXFULL,
  errnoOf,
  errnoText,
} from '../system/errno.ts'
import { handlerOf } from './table.ts'

/** Anything caught while `step` was carried out. */
export function failureOf(step: LoweredStep, error: unknown): unknown {
  if (error instanceof TsnetError) return error
  const errno = errnoOf(error)
  return errno === undefined ? error : refusal(step, errno, error)
}

/** Anything caught while `step` was taken back. */
export function undoFailureOf(step: LoweredStep, error: unknown): unknown {
  if (error instanceof TsnetError) return error
  const errno = errnoOf(error)
  if (errno === undefined) return error
  const message = `undoing "${handlerOf(step).doing(step)}": ${errnoText(errno)}`
  return fail(errno === EPERM ? 'TSNET_NOT_PERMITTED' : 'TSNET_STEP_FAILED', { message, cause: error })
}

/** The kernel answered `errno` to `step`. */
export function refusal(step: LoweredStep, errno: number, cause?: unknown): TsnetError {
  const message = `${handlerOf(step).doing(step)}: ${errnoText(errno)}`
  const details = { message, ...(cause === undefined ? {} : { cause }) }
  if (step.kind === 'veth' && errno === EXFULL) {
    const hint = 'a Linux bridge has at most 1023 ports: use a second network'
    return fail('TSNET_BRIDGE_FULL', { ...details, value: step.bridge, hint })
  }
  if (step.kind === 'sysctl' && step.where === 'sandbox' && (errno === EINVAL || errno === ERANGE)) {
    const hint = 'the kernel does not take that value'
    return fail('TSNET_BAD_VALUE', { ...details, field: 'sysctls', value: `${step.key}=${step.value}`, hint })
  }
  const feature = missingFeature(step, errno)
  if (feature !== undefined) return fail('TSNET_KERNEL_FEATURE_MISSING', { ...details, hint: feature })
  if (errno === EPERM || errno === EROFS || (errno === EACCES && step.kind === 'sysctl')) {
    const hint = 'tsnet needs root with CAP_NET_ADMIN and CAP_SYS_ADMIN, and a writable /proc/sys'
    return fail('TSNET_NOT_PERMITTED', { ...details, hint })
  }
  const hint = errno === ENODEV ? 'the interface is gone, or was never there: see `ip link`' : undefined
  return fail('TSNET_STEP_FAILED', { ...details, ...(hint === undefined ? {} : { hint }) })
}

const noIpv6 = 'this kernel has no IPv6 (CONFIG_IPV6, or ipv6.disable=1 at boot): use networks with IPv4 only'

function missingFeature(step: LoweredStep, errno: number): string | undefined {
  if (errno === EOPNOTSUPP) {
    if (step.kind === 'bridge')
      return 'this kernel is built without CONFIG_BRIDGE, or its module cannot be loaded'
    if (step.kind === 'veth')
      return `this kernel is built without CONFIG_VETH, or its module cannot be loaded, or ${step.bridge} is no bridge`
  }
  if (step.kind === 'sysctl' && errno === ENOENT) {
    // The folder is there in every namespace of a kernel that has the protocol.
    return step.key.startsWith('net/ipv6/') && !existsSync('/proc/sys/net/ipv6')
      ? noIpv6
      : 'there is no such sysctl'
  }
  const v6 =
    (step.kind === 'address' && step.cidr.includes(':')) || (step.kind === 'route' && step.to.includes(':'))
  if (!v6 || (step.kind !== 'address' && step.kind !== 'route')) return undefined
  if (errno === EOPNOTSUPP || errno === EAFNOSUPPORT) {
    return noIpv6
  }
  if (errno !== EACCES) return undefined
  return `IPv6 is switched off on ${step.dev}: set sysctl net.ipv6.conf.${step.dev}.disable_ipv6=0, or use IPv4 only`
}
