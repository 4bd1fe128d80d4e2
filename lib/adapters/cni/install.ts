/**
 * Putting our executables where engines look for them, and taking them away.
 *
 * @module
 */

import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { fail } from '../../errors/codes.ts'
import { isOurs } from './delegate.ts'

export interface InstallPlan {
  /** dist/cni of this installation. */
  readonly from: string
  readonly to: string
  readonly copy: boolean
  /** Absent: no configuration is written. */
  readonly confDir?: string
}

/** Sorts behind an administrator's own. */
const confName = '87-tsnet.conflist'

const conf = {
  // For engines of before 2024, which refuse a newer one; others take the newest they know.
  cniVersion: '1.0.0',
  cniVersions: ['1.0.0', '1.1.0'],
  name: 'tsnet-cni',
  plugins: [
    {
      type: 'tsnet',
      capabilities: { portMappings: true, ips: true, mac: true, aliases: true, bandwidth: true },
    },
  ],
}

/**
 * Replaces what is there of ours, and nothing else.
 *
 * @returns the files made
 * @throws TSNET_NAME_IN_USE (conflict) where somebody else's plugin has the name
 */
export function install({ from, to, copy, confDir }: InstallPlan): readonly string[] {
  const names = executables(from)
  const foreign = names.filter((name) => existsSync(`${to}/${name}`) && !isOurs(`${to}/${name}`))
  if (foreign.length > 0) {
    throw fail('TSNET_NAME_IN_USE', {
      message: `installing to ${to}: other plugins are there: ${foreign.join(', ')}`,
      field: '--dir',
      value: to,
      hint: 'move them away, or install to another folder and name it first in the engine’s plugin path',
    })
  }
  mkdirSync(to, { recursive: true })
  const made = names.map((name) => {
    const target = `${to}/${name}`
    rmSync(target, { force: true })
    if (copy) copyFileSync(`${from}/${name}`, target)
    else symlinkSync(`${from}/${name}`, target)
    return target
  })
  if (confDir === undefined || existsSync(`${confDir}/${confName}`)) return made
  mkdirSync(confDir, { recursive: true })
  writeFileSync(`${confDir}/${confName}`, `${JSON.stringify(conf, null, 2)}\n`)
  return [...made, `${confDir}/${confName}`]
}

/** @returns the files removed */
export function uninstall({ from, to, confDir }: InstallPlan): readonly string[] {
  const own = (path: string, name: string): boolean => {
    const found = lstatSync(path, { throwIfNoEntry: false })
    if (found === undefined) return false
    // A link to an installation that is gone by now is ours all the same.
    return found.isSymbolicLink() && !existsSync(path)
      ? readlinkSync(path).endsWith(`/cni/${name}`)
      : isOurs(path)
  }
  const gone = executables(from)
    .map((name) => [`${to}/${name}`, name] as const)
    .filter(([path, name]) => own(path, name))
    .map(([path]) => path)
  const files =
    confDir !== undefined && existsSync(`${confDir}/${confName}`) ? [...gone, `${confDir}/${confName}`] : gone
  for (const file of files) rmSync(file, { force: true })
  return files
}

function executables(folder: string): readonly string[] {
  if (!existsSync(folder)) {
    throw fail('TSNET_PROGRAM_MISSING', {
      message: `looking for CNI plugins in ${folder}: they are not built`,
      hint: 'npm run build',
    })
  }
  return readdirSync(folder).filter((name) => name !== 'package.json' && !/\.\d+$/.test(name))
}
