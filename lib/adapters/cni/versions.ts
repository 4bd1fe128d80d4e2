/**
 * Versions of the protocol, and what depends on them.
 *
 * @module
 */

/** Versions of the specification, oldest first. */
export const allVersions = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const

/** One of {@link allVersions}. */
export type CniVersion = (typeof allVersions)[number]

export const newestVersion: CniVersion = '1.1.0'

/** From `oldest` on. */
export function versionsFrom(oldest: CniVersion): readonly CniVersion[] {
  return allVersions.slice(allVersions.indexOf(oldest))
}

/** Whether a version is that one or newer. */
export function isAtLeast(version: CniVersion, oldest: CniVersion): boolean {
  return allVersions.indexOf(version) >= allVersions.indexOf(oldest)
}
