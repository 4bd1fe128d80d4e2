/**
 * One network: who may enter its bridge, who may leave by it, which addresses
 * its packets leave with, and where its questions for names go.
 *
 * Packets of other networks pass one rule of ours in each shared chain, and
 * never those of our own chains. A family the network has no subnet of prints
 * nothing.
 *
 * @module
 */

import { bracketed, type Family, familyOf } from '../../model/address.ts'
import { DNS_PORT } from '../../model/network.ts'
import type { NetworkIntent } from '../../plan/intent.ts'
import type { RulesStep } from '../../plan/step.ts'
import { questionProtocols } from '../ports.ts'
import { networkTag, safeIfname } from '../tag.ts'
import { alone, type Rule, rulesStep, type TableChange, toolOf } from './restore.ts'

const dnat = '-m conntrack --ctstate DNAT'
const syn = '-p tcp -m tcp --tcp-flags SYN,RST SYN'

export function printNetwork(intent: NetworkIntent): readonly RulesStep[] {
  const families = ([4, 6] as const).filter((family) =>
    intent.subnets.some((subnet) => familyOf(subnet) === family),
  )
  return families.map((family) =>
    rulesStep(toolOf(family), {
      ...(family === 4 ? { raw: noLoopbackSources(intent) } : {}),
      mangle: clamp(intent),
      nat: sources(intent, family),
      filter: forwarding(intent, family),
    }),
  )
}

/** With `route_localnet` the kernel no longer takes packets from 127.0.0.2 for forged. */
function noLoopbackSources(intent: NetworkIntent): TableChange {
  const { bridge, rule } = wordsOf(intent)
  return { chains: [], rules: [rule('TSNET-GUARD', `-s 127.0.0.0/8 -i ${bridge}`, '-j DROP')] }
}

/** TCPMSS looks at the routes both ways, and takes the smaller. */
function clamp(intent: NetworkIntent): TableChange {
  const { bridge, rule } = wordsOf(intent)
  const target = '-j TCPMSS --clamp-mss-to-pmtu'
  return {
    chains: [],
    rules: [`-i ${bridge}`, `-o ${bridge}`].map((way) => rule('TSNET-MSS', `${way} ${syn}`, target)),
  }
}

/**
 * Into the bridge only clients that the container would answer directly, past
 * the translation, get the gateway's address: those of its own subnet, and the
 * host's loopback (decisions 8). `-g` keeps what goes into a bridge from the
 * masquerading at the end of TSNET-POSTROUTING.
 */
function sources(intent: NetworkIntent, family: Family): TableChange {
  const { bridge, rule } = wordsOf(intent)
  const own = `TSNET-POST-${bridge}`
  const subnets = intent.subnets.filter((subnet) => familyOf(subnet) === family)
  const turned = [...subnets, ...(family === 4 ? ['127.0.0.0/8'] : [])]
  const isRouted = intent.routed?.includes(family) === true
  const masqueraded = intent.masquerade && !intent.internal && !isRouted ? subnets : []
  return {
    chains: [own],
    rules: [
      { ...rule('TSNET-POSTROUTING', `-o ${bridge}`, `-g ${own}`), at: 'top' },
      ...turned.map((source) => rule(own, `-s ${source} ${dnat}`, '-j MASQUERADE')),
      ...masqueraded.map((source) => rule('TSNET-POSTROUTING', `-s ${source}`, leaving(intent, family))),
      ...questions(intent, family),
    ],
  }
}

/** With the address that was chosen, or with that of the way out. */
function leaving({ sources = [] }: NetworkIntent, family: Family): string {
  const source = sources.find((address) => familyOf(address) === family)
  return source === undefined ? '-j MASQUERADE' : `-j SNAT --to-source ${source}`
}

/** Questions for names, led to the port the name server has: before a port 53 published on all addresses. */
function questions({ names, ...intent }: NetworkIntent, family: Family): readonly Rule[] {
  if (names === undefined) return []
  const { rule } = wordsOf(intent)
  return names.gateways
    .filter((gateway) => familyOf(gateway) === family)
    .flatMap((gateway) =>
      questionProtocols.map((protocol): Rule => {
        const match = `-d ${alone(gateway)} -p ${protocol} -m ${protocol} --dport ${DNS_PORT}`
        const target = `-j DNAT --to-destination ${bracketed(gateway)}:${names.port}`
        return { ...rule('TSNET-DNAT', match, target), at: 'top' }
      }),
    )
}

const icmp = { 4: 'icmp', 6: 'ipv6-icmp' } as const

function forwarding(intent: NetworkIntent, family: Family): TableChange {
  const { bridge, rule } = wordsOf(intent)
  const own = `TSNET-IN-${bridge}`
  const open = !intent.isolate
  const semi = intent.isolate && intent.isolateFrom === 'isolated'
  return {
    chains: [own],
    rules: [
      ...(intent.internal
        ? [
            rule('TSNET-INTERNAL', `-i ${bridge} ! -o ${bridge}`, '-j DROP'),
            rule('TSNET-INTERNAL', `! -i ${bridge} -o ${bridge}`, '-j DROP'),
          ]
        : []),
      rule(own, '-m conntrack --ctstate RELATED,ESTABLISHED,DNAT', '-j ACCEPT'),
      ...(intent.icc ? [rule(own, `-i ${bridge}`, '-j ACCEPT')] : []),
      ...(open || semi ? [rule(own, '', '-j TSNET-OPEN')] : []),
      ...(open ? [rule(own, '', '-j TSNET-SEMI')] : []),
      ...(intent.routed?.includes(family) === true ? [rule(own, `-p ${icmp[family]}`, '-j ACCEPT')] : []),
      ...(intent.unprotected?.includes(family) === true ? [rule(own, '', '-j ACCEPT')] : []),
      rule(own, '', '-j DROP'),
      rule('TSNET-IN', `-o ${bridge}`, `-j ${own}`),
      rule('TSNET-OUT', `-i ${bridge}`, '-j ACCEPT'),
      ...(open ? [rule('TSNET-OPEN', `-i ${bridge}`, '-j ACCEPT')] : []),
      ...(semi ? [rule('TSNET-SEMI', `-i ${bridge}`, '-j ACCEPT')] : []),
    ],
  }
}

/** Chain names hold 28 characters: `TSNET-POST-` and an interface name are 26. */
function wordsOf(intent: NetworkIntent): {
  readonly bridge: string
  readonly rule: (chain: string, match: string, target: string) => Rule
} {
  const tag = networkTag(intent.network)
  return {
    bridge: safeIfname(intent.bridge),
    rule: (chain, match, target) => ({ chain, at: 'end', match, tag, target }),
  }
}
