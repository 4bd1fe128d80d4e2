/**
 * Leases in the files of CNI's `host-local`, readable by either plugin set:
 *
 * ```
 * <dataDir>/<network>/<address>             CONTAINER\r\nIFNAME; older ones: CONTAINER
 *                     last_reserved_ip.<n>  the address range set n gave out last
 *                     lock                  flock(2)
 *                     .tsnet_boot_id        ours: the boot of the last lease we gave
 * ```
 *
 * The folder survives a reboot and its leases with it, though every sandbox is
 * gone then: leases not newer than a mark of another boot belong to nobody.
 *
 * @module
 */

import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { parseAddress } from '../model/address.ts'
import { hasCode } from './filefaults.ts'
import { clearPlace, removeFile } from './files.ts'
import { makeFolder } from './folders.ts'

export interface FileLease {
  readonly address: string
  readonly container: string
  readonly ifname: string | undefined
}

export interface LeaseFolder {
  readonly path: string
  readonly lock: string
  list(): readonly FileLease[]
  has(address: string): boolean
  /** @returns false where somebody has it */
  take(address: string, container: string, ifname: string): boolean
  release(address: string): void
  last(set: number): string | undefined
  setLast(set: number, address: string): void
  /** Drops leases of earlier boots, and marks this one. */
  forgetOtherBoots(bootId: string): void
}

const bootFile = '.tsnet_boot_id'

export function leaseFolder(dataDir: string, network: string, make: boolean): LeaseFolder {
  const path = `${dataDir}/${network}`
  if (make) makeFolder(path)
  const list = (): readonly FileLease[] =>
    namesIn(path).flatMap((address) => {
      const text = parseAddress(address) === undefined ? undefined : read(`${path}/${address}`)
      if (text === undefined) return []
      const [container = '', ifname] = text.trim().split(/\r?\n/)
      return [{ address, container, ifname }]
    })
  return {
    path,
    lock: `${path}/lock`,
    list,
    has: (address) => read(`${path}/${address}`) !== undefined,
    take: (address, container, ifname) => {
      try {
        writeFileSync(`${path}/${address}`, `${container}\r\n${ifname}`, { flag: 'wx', mode: 0o600 })
        return true
      } catch (error) {
        if (hasCode(error, 'EEXIST')) return false
        throw error
      }
    },
    release: (address) => void removeFile(`${path}/${address}`),
    last: (set) => parseAddress((read(`${path}/last_reserved_ip.${set}`) ?? '').trim()),
    setLast: (set, address) => {
      const last = `${path}/last_reserved_ip.${set}`
      clearPlace(last)
      writeFileSync(last, address, { mode: 0o600 })
    },
    forgetOtherBoots: (bootId) => {
      const mark = `${path}/${bootFile}`
      const known = read(mark)
      // What is no boot id says nothing of another boot: the leases may be of containers that run.
      if (known !== undefined && isBootId(known) && known !== bootId) {
        const marked = statSync(mark).mtimeMs
        for (const { address } of list()) {
          if (statSync(`${path}/${address}`).mtimeMs <= marked) removeFile(`${path}/${address}`)
        }
      }
      clearPlace(mark)
      writeFileSync(mark, bootId, { mode: 0o600 })
    },
  }
}

/** As /proc/sys/kernel/random/boot_id has it. */
const isBootId = (text: string): boolean => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\s*$/.test(text)

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP')) return undefined
    throw error
  }
}

function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path).sort()
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return []
    throw error
  }
}
