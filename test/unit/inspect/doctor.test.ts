/**
 * What `tsnet doctor` says of hosts nobody has to build: above all, that it is silent where nothing is wrong.
 */
import { describe, expect, it } from 'vitest'
import { ailmentsOf } from '../../../lib/inspect/doctor/doctor.ts'
import { type Otherwise, patientWith } from './patients.ts'

const found = (otherwise: Otherwise): readonly string[] =>
  ailmentsOf(patientWith(otherwise)).map(({ code, fix, safe }) => `${code}${safe ? '*' : ''}: ${fix}`)
const off = { rest: { sysctls: new Map([['net/ipv4/ip_forward', '0']]) } }

describe('a network whose bridge is not the way out', () => {
  it.each<[what: string, options: Otherwise['options']]>([
    ['without an address of its own (Docker’s inhibit_ipv4, podman without a gateway)', { addressed: false }],
    ['of somebody else (podman’s mode=unmanaged)', { unmanaged: true }],
  ])(
    '%s is in order without its gateway, on a host that does not forward, with a route to it elsewhere',
    (_, options = {}) => {
      expect(found({ addresses: [] })).toEqual(['gateway-missing*: ip addr add 10.90.0.1/24 dev br0'])
      const routes = [{ to: '10.90.0.0/24', via: '198.51.100.9', dev: 'eth0', metric: 0 }]
      expect(found({ ...off, options, addresses: [], routes })).toEqual([])
    },
  )

  it('of somebody else is not set up by --fix', () => {
    expect(found({ bridgeUp: false })).toEqual(['bridge-down*: ip link set br0 up'])
    expect(found({ bridgeUp: false, options: { unmanaged: true } })).toEqual([
      'bridge-down: ip link set br0 up',
    ])
  })
})

describe('a network of a driver that is not ours', () => {
  it('is in order whatever it is made of', () => {
    const of: Otherwise = {
      network: { driver: 'routed' },
      options: { bridge: 'made-up' },
      attachment: { bridge: 'made-up', hostIfname: 'made-up1', addresses: ['10.90.0.2/32'] },
      addresses: [],
      routes: [{ to: '10.90.0.2/32', dev: 'web-1', metric: 0 }],
    }
    expect(found({ ...of, ...off })).toEqual([])
    expect(found({ ...of, network: {} })).not.toEqual([])
  })
})
