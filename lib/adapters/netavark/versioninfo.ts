/**
 * What `version` and `--version` tell: the contract that is spoken, and whose
 * program this is.
 *
 * @module
 */

import { tsnetVersion } from '../../model/version.ts'

/** Of the newest contract; tools compare it, so tsnet's own stands behind the plus sign. */
export const netavarkVersion: string = `2.1.0+tsnet.${tsnetVersion}`
export const aardvarkVersion: string = `2.0.0+tsnet.${tsnetVersion}`

export function versionJson(version: string, rest: Readonly<Record<string, string>> = {}): string {
  const arch = process.arch === 'x64' ? 'x86_64' : process.arch === 'arm64' ? 'aarch64' : process.arch
  const about = {
    version,
    commit: '',
    build_time: '',
    target: `${arch}-unknown-linux-gnu`,
    ...rest,
  }
  return `${JSON.stringify(about, null, 2)}\n`
}
