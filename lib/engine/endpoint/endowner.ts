/**
 * Whose endpoint it turned out to be: told after the endpoint was made, by who
 * asked the engine outside its call.
 *
 * @module
 */

import type { Attachment, ContainerNetwork } from '../../model/attachment.ts'
import type { ContainerInfo } from '../../model/sandbox.ts'
import { portKey } from '../attach/portkey.ts'
import type { EngineContext } from '../context.ts'
import { endKey } from '../look/find.ts'
import { publishNames } from '../names/names.ts'
import { nameOwner, ownerOf, portsKey } from './endrecords.ts'

/** Whose endpoint it turned out to be. */
export interface EndOwner {
  readonly container: ContainerInfo
  readonly aliases: readonly string[]
  /** Of its namespace; absent where it is not known. */
  readonly sandboxPath?: string
}

export async function identify(context: EngineContext, id: string, owner: EndOwner): Promise<void> {
  const lock = await context.locks.container(endKey(id))
  try {
    const record = context.containers.get(endKey(id))
    const attachment = record?.result?.attachments[0]
    if (record?.result === undefined || attachment === undefined) return
    const inside = await lookInside(context, owner.sandboxPath, attachment)
    const result: ContainerNetwork = {
      ...record.result,
      container: owner.container,
      ...(inside === undefined ? {} : { sandbox: inside.sandbox }),
      attachments: [{ ...attachment, ifname: inside?.ifname ?? attachment.ifname, aliases: owner.aliases }],
    }
    const told = { ...record, result }
    if (JSON.stringify(told) !== JSON.stringify(record)) context.containers.replace(record.id, told)
    renamePorts(context, id, result)
    await publishNames(context, told)
  } finally {
    lock.release()
  }
}

/** The ports' record is of the same container, and so is the interface it names. */
function renamePorts(context: EngineContext, id: string, result: ContainerNetwork): void {
  const record = context.containers.get(portsKey(id))
  const attachment = record?.result?.attachments[0]
  if (record === undefined || attachment === undefined) return
  const { container, sandbox } = result
  const { ifname, aliases } = result.attachments[0] as Attachment
  const shown = { ...attachment, ifname, aliases }
  const told = { ...record, result: { ...result, container, sandbox, attachments: [shown] } }
  if (JSON.stringify(told) === JSON.stringify(record)) return
  context.containers.replace(record.id, told)
  const owner = nameOwner(ownerOf(context, id, record.id), container)
  for (const binding of attachment.ports) context.reservations.ports.take(portKey(binding), owner)
}

async function lookInside(
  context: EngineContext,
  path: string | undefined,
  { mac }: Attachment,
): Promise<{ readonly sandbox: ContainerNetwork['sandbox']; readonly ifname: string } | undefined> {
  if (path === undefined) return undefined
  const sandbox = await context.kernel.openSandbox(path).catch(() => undefined)
  if (sandbox === undefined) return undefined
  try {
    const link = sandbox.own ? undefined : (await sandbox.links()).find((one) => one.mac === mac)
    if (link === undefined) return undefined
    return { sandbox: { path, identity: sandbox.identity }, ifname: link.name }
  } finally {
    sandbox.close()
  }
}
