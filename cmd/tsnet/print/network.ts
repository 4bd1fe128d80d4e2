/**
 * Networks for people: the block `network create` prints, and the rows of `network ls`.
 *
 * @module
 */

import type { NetworkConfig, NetworkInspect } from '../../../lib/index.ts'
import type { Output } from '../io.ts'
import { renderFields } from './fields.ts'
import type { Palette } from './paint.ts'
import { renderTable } from './table.ts'

export function renderNetwork(config: NetworkConfig, palette: Palette): string {
  const { name, driver, subnets, options } = config
  return renderFields(
    [
      ['network', [`${palette.bold(name)}  ${driver === 'bridge' ? `bridge ${options.bridge}` : driver}`]],
      [
        'subnet',
        subnets.map(
          ({ subnet, gateway, range }) => `${subnet}  gateway ${gateway}${range ? `  from ${range}` : ''}`,
        ),
      ],
      [
        'reserved',
        subnets.flatMap(({ reserved = {} }) =>
          Object.entries(reserved).map(([what, address]) => `${address} ${what}`),
        ),
      ],
      ['options', [unusual(config).join(' ')].filter((text) => text !== '')],
    ],
    palette,
  )
}

export function renderNetworks(
  networks: readonly NetworkInspect[],
  output: Output,
  palette: Palette,
): string {
  const columns = [
    { title: 'NAME', mayShorten: true },
    { title: 'DRIVER' },
    { title: 'SUBNET', mayShorten: true },
    { title: 'GATEWAY', mayShorten: true },
    { title: 'CONTAINERS' },
    { title: 'OPTIONS', mayShorten: true },
  ]
  const rows = networks.map(({ config, containers, live }) => [
    [config.name],
    [config.driver],
    config.subnets.map(({ subnet }) => subnet),
    config.subnets.map(({ gateway }) => gateway),
    [String(containers.length)],
    [...unusual(config), ...(live || config.driver !== 'bridge' ? [] : ['down'])],
  ])
  return renderTable(columns, rows, output, palette)
}

/** What is not as every network has it. */
function unusual({ internal, ephemeral, options }: NetworkConfig): string[] {
  const {
    mtuBytes,
    masquerade,
    icc,
    hairpin,
    isolate,
    isolateFrom,
    gatewayMode4,
    gatewayMode6,
    sources,
    addressed,
    unmanaged,
    protect,
    conntrackLimit,
    dns,
    domain,
    forwarders,
    dnsPort,
  } = options
  return [
    ...(internal ? ['internal'] : []),
    ...(ephemeral ? ['ephemeral'] : []),
    ...(mtuBytes === undefined ? [] : [`mtu=${mtuBytes}`]),
    ...(masquerade || internal ? [] : ['masquerade=false']),
    ...(icc ? [] : ['icc=false']),
    ...(hairpin ? [] : ['hairpin=false']),
    ...(isolate ? [] : ['isolate=false']),
    ...(isolateFrom === undefined ? [] : [`isolate-from=${isolateFrom}`]),
    ...(gatewayMode4 === undefined ? [] : [`gateway-mode-ipv4=${gatewayMode4}`]),
    ...(gatewayMode6 === undefined ? [] : [`gateway-mode-ipv6=${gatewayMode6}`]),
    ...(sources === undefined ? [] : [`sources=${sources.join()}`]),
    ...(addressed === false ? ['addressed=false'] : []),
    ...(unmanaged === true ? ['unmanaged'] : []),
    ...(protect === undefined ? [] : [`protect=${protect}`]),
    ...(conntrackLimit === undefined ? [] : [`conntrack-limit=${conntrackLimit}`]),
    ...(dns === undefined ? [] : [`dns=${dns}`]),
    ...(domain === undefined ? [] : [`domain=${domain}`]),
    ...(forwarders === undefined ? [] : [`forwarders=${forwarders.join()}`]),
    ...(dnsPort === undefined ? [] : [`dns-port=${dnsPort}`]),
  ]
}
