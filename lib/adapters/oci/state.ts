/**
 * The state of a container as an OCI runtime tells its hooks on standard input.
 *
 * Runtimes add members of their own (runc: `rootless`, crun: `owner`), so what
 * is not needed here is not looked at.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/main/runtime.md#state
 * @module
 */

import { fail } from '../../errors/codes.ts'
import { type Decoder, integer, object, optional, record, string, text } from '../../model/decode.ts'
import { parseJson } from '../../model/json.ts'
import { readFilePath } from '../../model/specs/filepath.ts'
import { readContainerName } from '../../model/specs/scalar.ts'

export interface OciState {
  readonly id: string
  /** `creating`, `created`, `running` or `stopped`; runtimes may add others. */
  readonly status: string
  /** Of the container's first process, in the runtime's pid namespace; absent where it is gone. */
  readonly pid?: number
  /** Absolute path. */
  readonly bundle: string
  readonly annotations: Readonly<Record<string, string>>
}

const known = object({
  id: text(readContainerName),
  status: string,
  pid: optional(integer({ min: 0, max: 2 ** 31 - 1 })),
  bundle: text(readFilePath),
  annotations: optional(record(string)),
})

const members = ['id', 'status', 'pid', 'bundle', 'annotations']
const anything: Decoder<unknown> = (value) => value

/** @throws TSNET_BAD_JSON, TSNET_BAD_VALUE (invalid) */
export function decodeState(input: string): OciState {
  if (input.trim() === '') {
    throw fail('TSNET_BAD_JSON', {
      message: 'reading the state of the container: standard input is empty',
      hint: 'this program is called by an OCI runtime as a hook; "tsnet oci patch" writes it into a bundle',
    })
  }
  const all = record(anything)(parseJson(input, 'the state of the container'), '')
  const mine = Object.fromEntries(Object.entries(all).filter(([name]) => members.includes(name)))
  const { pid = 0, annotations = {}, ...rest } = known(mine, '')
  return { ...rest, annotations, ...(pid === 0 ? {} : { pid }) }
}
