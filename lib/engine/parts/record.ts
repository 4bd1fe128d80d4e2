/**
 * The record of a part: what `tsnet ls` and `tsnet port` show of it, and what takes it down.
 *
 * @module
 */

import type { PartInterface } from '../../drivers/cni/part.ts'
import type { PartType } from '../../drivers/cni/registry.ts'
import type { OpenSandbox } from '../../kernel/kernel.ts'
import { type Attachment, type ContainerNetwork, nothingMore } from '../../model/attachment.ts'
import type { ContainerRecord } from '../../state/records.ts'
import type { PartRequest } from './part.ts'

export function recordOf<T extends PartType>(
  key: string,
  { id, netns, shown }: PartRequest<T>,
  interfaces: readonly PartInterface[],
  sandbox: OpenSandbox,
): ContainerRecord {
  const inside = interfaces.find(({ inSandbox }) => inSandbox)
  const outside = interfaces.findLast(({ inSandbox, name }) => !inSandbox && name !== shown?.bridge)
  const attachments =
    shown === undefined
      ? []
      : [
          {
            bridge: '',
            hostIfname: outside?.name ?? '',
            ...shown,
            mac: (inside?.mac ?? '') as Attachment['mac'],
            mtuBytes: inside?.mtu ?? 0,
          },
        ]
  const result: ContainerNetwork = {
    container: { id: id.container },
    sandbox: { path: netns, identity: sandbox.identity },
    mode: 'bridge',
    attachments,
    hostAddresses: [],
    resolver: { servers: [], search: [], options: [], hosts: [] },
    createdAt: new Date().toISOString(),
  }
  return {
    version: 1,
    id: key,
    container: id.container,
    networks: [],
    request: {
      sandbox: { path: netns },
      container: { id: id.container },
      mode: 'bridge',
      networks: [],
      ...nothingMore,
    },
    result,
    steps: [],
  }
}
