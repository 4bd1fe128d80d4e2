/**
 * A sandbox: one network namespace of one container, and who it is.
 *
 * @module
 */

/**
 * Which namespace a record means, beyond its path: inode numbers are reused at
 * once, cookies never within one boot (SO_NETNS_COOKIE, socket(7)).
 */
export interface SandboxIdentity {
  /** 64-bit netns cookie as a decimal string (JSON has no 64-bit numbers). */
  readonly cookie: string
  /** `/proc/sys/kernel/random/boot_id` when the sandbox was attached. */
  readonly bootId: string
}

/** A network namespace, by where to open it. */
export interface Sandbox {
  /** Where to open the namespace, such as `/proc/4242/ns/net` or `/run/netns/web`. */
  readonly path: string
  /** Unknown before the path was opened for the first time. */
  readonly identity?: SandboxIdentity
}

/** What people call the container; nothing here is looked at in the kernel. */
export interface ContainerInfo {
  /** The engine's id; chosen by us (from the cookie) where the caller gave none. */
  readonly id: string
  readonly name?: string
  readonly hostname?: string
  readonly labels?: Readonly<Record<string, string>>
}
