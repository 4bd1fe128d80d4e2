/**
 * Flags of `setup` and `plan` about names: servers, links, and the files that
 * say them inside the container.
 *
 * @module
 */

import { resolve } from 'node:path'
import type { ResolverRequest, SetupRequest } from '../../lib/index.ts'
import { type Flags, listFlag, type OptionDefinition, textFlag, type VerbLib } from './command.ts'

export const nameOptions: readonly OptionDefinition[] = [
  { flags: '--dns <address>', about: 'name server', repeatable: true },
  { flags: '--dns-search <domain>', about: 'domain to search', repeatable: true },
  { flags: '--dns-option <option>', about: 'option of resolv.conf, such as ndots:2', repeatable: true },
  {
    flags: '--add-host <name:address>',
    about: 'line of the hosts file; host-gateway is the host',
    repeatable: true,
  },
  {
    flags: '--link <container[:alias]>',
    about:
      'another container of a network both are on, under that name in the hosts file; --json has its variables',
    repeatable: true,
    values: 'containers',
  },
  {
    flags: '--resolv-conf <path>',
    about: 'write the resolv.conf of the container to PATH; teardown puts back what was there',
  },
  {
    flags: '--hosts <path>',
    about: 'write the hosts file of the container to PATH; of one that is there only our own lines change',
  },
]

/** @throws TSNET_BAD_VALUE (invalid) */
export function resolverOf(flags: Flags, lib: VerbLib): ResolverRequest {
  const servers = listFlag(flags, 'dns').map((text) => lib.readAddress(text, '--dns'))
  const search = listFlag(flags, 'dnsSearch').map((text) => lib.readSearchDomain(text, '--dns-search'))
  const options = listFlag(flags, 'dnsOption').map((text) => lib.readResolverOption(text, '--dns-option'))
  const hosts = listFlag(flags, 'addHost').map((text) => lib.parseAddHost(text, '--add-host'))
  const resolvConf = fileFlag(flags, 'resolvConf', { field: '--resolv-conf', lib })
  const hostsFile = fileFlag(flags, 'hosts', { field: '--hosts', lib })
  return {
    ...(servers.length === 0 ? {} : { servers }),
    ...(search.length === 0 ? {} : { search }),
    ...(options.length === 0 ? {} : { options }),
    ...(hosts.length === 0 ? {} : { hosts }),
    ...(resolvConf === undefined ? {} : { resolvConf }),
    ...(hostsFile === undefined ? {} : { hostsFile }),
  }
}

function fileFlag(
  flags: Flags,
  flag: string,
  { field, lib }: { readonly field: string; readonly lib: VerbLib },
): string | undefined {
  const text = textFlag(flags, flag)
  if (text === undefined) return undefined
  // An empty path would resolve to the folder we are in.
  return lib.readFilePath(text === '' ? text : resolve(text), field)
}

/** @throws TSNET_BAD_VALUE (invalid) */
export function linksOf(flags: Flags, lib: VerbLib): Pick<SetupRequest, 'links'> {
  const links = listFlag(flags, 'link').map((text) => lib.parseLink(text, '--link'))
  return links.length === 0 ? {} : { links }
}
