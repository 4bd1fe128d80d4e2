/**
 * A record in the words `docker inspect` has for it, beside our own: habits and
 * scripts go on working with `--format`.
 *
 * Docker's fields that tsnet knows; all others are not there, and asking for one
 * is an error and no empty answer.
 *
 * @module
 */

import { addressOf, familyOf, prefixLength } from '../model/address.ts'
import type { Attachment, ContainerNetwork } from '../model/attachment.ts'
import type { PortBinding } from '../model/portmapping.ts'

/**
 * A container in the shape of `docker inspect`, for `--format` templates people know.
 *
 * @param firstPid looks for its first process, 0 where there is none (Docker's word for "not running"); it may have to
 *   ask every process of the host, so it is called where a template asks for it only, and once
 */
export function dockerView(
  record: ContainerNetwork,
  firstPid: () => number,
): Readonly<Record<string, unknown>> {
  const { container, sandbox, attachments, createdAt, mode } = record
  const first = attachments[0]
  return {
    ...record,
    Id: container.id,
    Name: `/${container.name ?? container.id}`,
    Created: createdAt,
    State: stateView(firstPid),
    Config: { Hostname: container.hostname ?? '', Labels: container.labels ?? {} },
    HostConfig: { NetworkMode: mode === 'bridge' ? (first?.network ?? 'none') : mode },
    NetworkSettings: {
      SandboxKey: sandbox.path,
      Bridge: first?.bridge ?? '',
      ...endpointView(first),
      Ports: portsView(attachments),
      Networks: Object.fromEntries(
        attachments.map((attachment) => [
          attachment.network,
          { ...endpointView(attachment), Aliases: attachment.aliases, DriverOpts: {} },
        ]),
      ),
    },
  }
}

function stateView(firstPid: () => number): { readonly Pid: number; readonly Running: boolean } {
  let found: number | undefined
  const pid = (): number => {
    found ??= firstPid()
    return found
  }
  return {
    get Pid() {
      return pid()
    },
    get Running() {
      return pid() !== 0
    },
  }
}

function endpointView(attachment: Attachment | undefined): Readonly<Record<string, unknown>> {
  const of = (family: 4 | 6) => attachment?.addresses.find((cidr) => familyOf(cidr) === family)
  const gateway = (family: 4 | 6) => attachment?.gateways.find((one) => familyOf(one) === family) ?? ''
  const [four, six] = [of(4), of(6)]
  return {
    IPAddress: four === undefined ? '' : addressOf(four),
    IPPrefixLen: four === undefined ? 0 : prefixLength(four),
    Gateway: gateway(4),
    GlobalIPv6Address: six === undefined ? '' : addressOf(six),
    GlobalIPv6PrefixLen: six === undefined ? 0 : prefixLength(six),
    IPv6Gateway: gateway(6),
    MacAddress: attachment?.mac ?? '',
  }
}

function portsView(attachments: readonly Attachment[]): Readonly<Record<string, unknown>> {
  const ports: Record<string, { HostIp: string; HostPort: string }[]> = {}
  for (const attachment of attachments) {
    for (const binding of attachment.ports) {
      for (let at = 0; at < binding.count; at++) {
        const key = `${binding.containerPort + at}/${binding.protocol}`
        ports[key] = [...(ports[key] ?? []), ...bindingsOf(binding, at, attachment)]
      }
    }
  }
  return ports
}

function bindingsOf(
  { hostAddress, hostPort }: PortBinding,
  at: number,
  { addresses }: Attachment,
): { HostIp: string; HostPort: string }[] {
  const HostPort = String(hostPort + at)
  if (hostAddress !== undefined) return [{ HostIp: hostAddress, HostPort }]
  const families = [...new Set(addresses.map(familyOf))]
  return families.map((family) => ({ HostIp: family === 4 ? '0.0.0.0' : '::', HostPort }))
}
