/**
 * `host-device`: see README.md.
 *
 * @module
 */

import { cniError, deviceOf, interfacePlugin, type Plugin } from '../../lib/adapters/cni/index.ts'

/** A device of the host moves into the container. */
export const hostDevice: Plugin = interfacePlugin({
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
    const device = request.call.command === 'ADD' ? deviceOf(request) : undefined
    return {
      ...addressing,
      ...(expected === undefined ? {} : { expected }),
      ...(device === undefined ? {} : { device }),
      ...(hardwareAddress === '' ? {} : { hardwareAddress }),
    }
  },
})
