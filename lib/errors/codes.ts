/**
 * The error registry: every error tsnet throws, its stable code and its kind.
 *
 * `README.md` beside this file has one entry per code; a test checks both
 * directions. A code never changes its meaning; a new meaning gets a new code.
 *
 * @module
 */

import { type ErrorDetails, type ErrorKind, TsnetError } from './error.ts'

/** Each code with the kind it is of; the meaning of each is in lib/errors/README.md. */
export const errorCodes = {
  /** A field or flag has a value that cannot be used. */
  TSNET_BAD_VALUE: 'invalid',
  /** The request or configuration is not JSON, or has the wrong shape. */
  TSNET_BAD_JSON: 'invalid',
  /** The command line itself: unknown command or flag, missing argument. */
  TSNET_USAGE: 'invalid',
  /** The path is no network namespace, or is gone. */
  TSNET_NOT_A_NETNS: 'invalid',
  /** The sandbox is the namespace tsnet itself runs in. */
  TSNET_OWN_NETNS: 'invalid',
  /** The address is the gateway, reserved, or outside the subnet. */
  TSNET_ADDRESS_UNUSABLE: 'invalid',
  /** A file that shall be written is a link, no text, too long, or cannot be changed. */
  TSNET_FILE_UNUSABLE: 'invalid',
  /** Publishing or another wish does not fit the network mode. */
  TSNET_MODE_MISMATCH: 'invalid',
  TSNET_NO_SUCH_NETWORK: 'notFound',
  TSNET_NO_SUCH_CONTAINER: 'notFound',
  /** The container publishes no such port. */
  TSNET_NO_SUCH_PORT: 'notFound',
  TSNET_PORT_IN_USE: 'conflict',
  TSNET_NO_FREE_PORT: 'conflict',
  TSNET_ADDRESS_IN_USE: 'conflict',
  TSNET_POOL_EXHAUSTED: 'conflict',
  TSNET_SUBNET_OVERLAP: 'conflict',
  TSNET_NETWORK_EXISTS: 'conflict',
  TSNET_NETWORK_IN_USE: 'conflict',
  /** Another state folder has the packet rules of this host. */
  TSNET_RULES_IN_USE: 'conflict',
  /** A container or network of that name, or another interface, is there already. */
  TSNET_NAME_IN_USE: 'conflict',
  TSNET_IFNAME_IN_USE: 'conflict',
  /** The same container was set up before with a different request. */
  TSNET_ALREADY_ATTACHED: 'conflict',
  TSNET_BRIDGE_FULL: 'conflict',
  /** Another tsnetd answers at that socket. */
  TSNET_DAEMON_RUNNING: 'conflict',
  TSNET_NOT_ROOT: 'forbidden',
  /** The kernel answered EPERM. */
  TSNET_NOT_PERMITTED: 'forbidden',
  TSNET_PROGRAM_MISSING: 'unavailable',
  TSNET_STATE_UNREADABLE: 'unavailable',
  /** No tsnetd answers, and none could be started. */
  TSNET_DAEMON_UNREACHABLE: 'unavailable',
  TSNET_KERNEL_FEATURE_MISSING: 'unsupported',
  TSNET_NOT_SUPPORTED: 'unsupported',
  TSNET_LOCK_TIMEOUT: 'busy',
  TSNET_INTERRUPTED: 'busy',
  /** A server of the network (DHCP) did not answer in time. */
  TSNET_NO_ANSWER: 'busy',
  /** tsnetd ended or fell silent before it answered. */
  TSNET_DAEMON_GONE: 'busy',
  /** The kernel or a program refused a step that should have worked. */
  TSNET_STEP_FAILED: 'internal',
  TSNET_PROGRAM_FAILED: 'internal',
  TSNET_INTERNAL: 'internal',
} as const

/** Every `code` a TsnetError can have: the list in lib/errors/README.md. */
export type ErrorCode = keyof typeof errorCodes

const kinds: Readonly<Record<ErrorCode, ErrorKind>> = errorCodes

/** Makes, and does not throw, the error of that code. */
export function fail(code: ErrorCode, details: ErrorDetails): TsnetError {
  return new TsnetError(code, kinds[code], details)
}

/** Tells an error of tsnet, with `code` one of that code, from any other. */
export function isTsnetError(error: unknown, code?: ErrorCode): error is TsnetError {
  return error instanceof TsnetError && (code === undefined || error.code === code)
}

/**
 * What is lacking where the kernel lets root and not this user: the one place that knows it from an errno.
 *
 * @param message what was being done, and the refusal; absent: as Node has it
 * @returns undefined for whatever is no matter of rights, and for root, whom other things stop
 */
export function rightsLacking(error: unknown, message?: string): TsnetError | undefined {
  if (!(error instanceof Error && 'code' in error) || process.geteuid?.() === 0) return undefined
  if (error.code !== 'EACCES' && error.code !== 'EPERM') return undefined
  return fail('TSNET_NOT_ROOT', {
    message: message ?? error.message,
    hint: 'run it with sudo',
    cause: error,
  })
}

/** The same error in the words of whoever asked: code, value, cause and what could not be taken back stay. */
export function retold(
  error: TsnetError,
  told: { readonly message: string; readonly field: string },
): TsnetError {
  const { code, kind, value, hint, cause } = error
  const made = new TsnetError(code, kind, { ...told, value, cause, ...(hint === undefined ? {} : { hint }) })
  made.undo.push(...error.undo)
  return made
}

/** Anything caught, as a TsnetError; an unexpected one becomes TSNET_INTERNAL with its cause. */
export function asTsnetError(error: unknown): TsnetError {
  if (error instanceof TsnetError) return error
  const message = error instanceof Error ? error.message : String(error)
  const lacking = rightsLacking(error)
  if (lacking !== undefined) return lacking
  if (error instanceof Error && 'errno' in error) {
    const hint =
      'code' in error && error.code === 'EROFS'
        ? 'make its file system writable, or name another place'
        : 'the kernel refused what should have worked: memory, files or permissions may be short (dmesg)'
    return fail('TSNET_STEP_FAILED', { message, cause: error, hint })
  }
  return fail('TSNET_INTERNAL', { message, cause: error, hint: 'this is a fault of tsnet: please report it' })
}

/** The first of several, with the others as what was left undone too. */
export function together([first, ...others]: readonly unknown[]): TsnetError {
  const error = asTsnetError(first)
  error.undo.push(...others.map(asTsnetError).flatMap((other) => [other.message, ...other.undo]))
  return error
}
