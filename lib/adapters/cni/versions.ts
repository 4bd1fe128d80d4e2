/**
 * Versions of the protocol, and what depends on them.
 *
 * @module
 */

export const allVersions = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const

export type CniVersion = (typeof allVersions)[number]

export const newestVersion: CniVersion = '1.1.0'

/** From `oldest` on. */
export function versionsFrom(oldest: CniVersion): readonly CniVersion[] {
  return allVersions.slice(allVersions.indexOf(oldest))
}

export function isAtLeast(version: CniVersion, oldest: CniVersion): boolean {
  return allVersions.indexOf(version) >= allVersions.indexOf(oldest)
}
