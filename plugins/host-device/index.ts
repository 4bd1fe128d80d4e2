/**
 * `host-device`: see README.md.
 *
 * @module
 */

import {
  cniError,
  deviceOf,
  interfacePlugin,
  ipamAdd,
  ipamCheck,
  ipamDel,
  ipamStatus,
  isUserspaceDevice,
  type Plugin,
} from '../../lib/adapters/cni/index.ts'

const moving: Plugin = interfacePlugin({
  type: 'host-device',
  about: 'moves a device of the host into the container, and back',
  ipam: 'optional',
  freeFirst: 'ipam',
  options: (request, addressing, expected) => {
    const { fields } = request.conf
    const keys = ['device', 'hwaddr', 'kernelpath', 'pciBusID'].filter(
      (key) => (fields.string(key) ?? '') !== '',
    )
    const given = request.conf.runtimeConfig.string('deviceID') ?? ''
    if (keys.length === 0 && given === '')
      throw cniError('config', 'specify either "device", "hwaddr", "kernelpath" or "pciBusID"')
    const hardwareAddress = fields.string('hwaddr') ?? ''
    const device = ['ADD', 'STATUS'].includes(request.call.command) ? deviceOf(request) : undefined
    return {
      ...addressing,
      ...(expected === undefined ? {} : { expected }),
      ...(device === undefined ? {} : { device }),
      ...(hardwareAddress === '' ? {} : { hardwareAddress }),
    }
  },
})

/** A device of the host moves into the container; of one that a program drives itself only the addresses are told. */
export const hostDevice: Plugin = {
  ...moving,
  add: async (request) => {
    if (!isUserspaceDevice(request)) return moving.add(request)
    const { dns } = request.conf
    const leased = await ipamAdd(request)
    return { ...leased, dns: Object.keys(dns).length > 0 ? dns : leased.dns }
  },
  del: (request) => (isUserspaceDevice(request) ? ipamDel(request) : moving.del(request)),
  status: (request) => (isUserspaceDevice(request) ? ipamStatus(request) : moving.status(request)),
  check: (request) => (isUserspaceDevice(request) ? ipamCheck(request) : moving.check(request)),
}
