import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { resolveSubnets } from '../../lib/ipam/subnets.ts'
import { parseJson } from '../../lib/model/json.ts'
import { decodeCreateNetwork, validateCreateNetwork } from '../../lib/model/networkrequest.ts'
import { decodeSetupRequest } from '../../lib/model/request.ts'
import { validateSetup } from '../../lib/model/validate.ts'

const readme = readFileSync(new URL('../../lib/model/README.md', import.meta.url), 'utf8')

/** The example of that name, as it stands in the page. */
function example(name: string): unknown {
  const block = new RegExp(`^\`\`\`json ${name}\\n(.*?)^\`\`\``, 'ms').exec(readme)?.[1]
  return parseJson(block ?? '', `example ${name}`)
}

describe('the page of the model', () => {
  it('has an example of a setup request that can be used as it stands', () => {
    const request = decodeSetupRequest(example('setup'))
    validateSetup(request)
    expect(request).toEqual({
      sandbox: { path: '/proc/4242/ns/net' },
      container: {
        id: '3f2a90c1',
        name: 'web',
        hostname: 'web.example',
        labels: { 'com.example.owner': 'shop' },
      },
      mode: 'bridge',
      networks: [
        {
          network: 'front',
          addresses: ['10.90.0.5', 'fd90::5'],
          mac: '02:42:0a:5a:00:05',
          ifname: 'eth0',
          aliases: ['www'],
          mtuBytes: 1400,
          gatewayPriority: 10,
        },
        { network: 'back', aliases: ['shop'] },
      ],
      publish: [
        { hostPort: 8080, containerPort: 80, count: 1, protocol: 'tcp' },
        { hostAddress: 'fd00::1', hostPort: 8443, containerPort: 443, count: 1, protocol: 'udp' },
        { hostAddress: '127.0.0.1', hostPort: 9000, containerPort: 9000, count: 10, protocol: 'tcp' },
      ],
      expose: [
        { port: 80, count: 1, protocol: 'tcp' },
        { port: 53, count: 1, protocol: 'udp' },
      ],
      publishAll: false,
      ignorePublish: false,
      resolver: {
        servers: ['192.0.2.53'],
        search: ['example'],
        options: ['ndots:2'],
        hosts: [
          { name: 'db', address: '10.90.0.9' },
          { name: 'host.example', address: 'host-gateway' },
        ],
        resolvConf: '/var/lib/box/resolv.conf',
        hostsFile: '/var/lib/box/hosts',
      },
      links: [
        { container: 'db', alias: 'sql' },
        { container: 'cache', alias: 'memcached' },
      ],
      sysctls: { 'net.core.somaxconn': '1024' },
      firewall: 'nftables',
    })
  })

  it('names every field of the example in its list, and no other', () => {
    const named = [...readme.matchAll(/^- `(\w+)`:/gm)].map(([, field]) => field)
    expect(named).toEqual(Object.keys(example('setup') as object))
  })

  it('has an example of a network that can be made as it stands', () => {
    const request = decodeCreateNetwork(example('network'))
    validateCreateNetwork(request)
    expect({ ...request, subnets: resolveSubnets(request.subnets) }).toEqual({
      name: 'front',
      driver: 'bridge',
      subnets: [
        {
          subnet: '10.90.0.0/24',
          gateway: '10.90.0.1',
          range: '10.90.0.128/25',
          reserved: { nas: '10.90.0.9' },
        },
        { subnet: 'fd90::/64', gateway: 'fd90::1' },
      ],
      ipv6: true,
      internal: false,
      options: {
        mtuBytes: 1400,
        bridge: 'br-front',
        masquerade: true,
        icc: true,
        hairpin: true,
        isolate: true,
        gatewayMode4: 'nat',
        gatewayMode6: 'routed',
        protect: 'strict',
        dns: true,
        domain: 'front.example',
        forwarders: ['10.1.1.53', '10.1.2.53'],
        dnsPort: 5300,
      },
      labels: { 'com.example.owner': 'shop' },
    })
  })
})
