/**
 * The inside of a sandbox.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { planSandbox } from '../../../lib/drivers/sandbox.ts'
import { isTsnetError } from '../../../lib/errors/codes.ts'

const keyOf = (sysctl: string): unknown => {
  try {
    return planSandbox({ links: [], sysctls: { [sysctl]: '1' } }).flatMap((step) =>
      step.kind === 'sysctl' ? [step.key] : [],
    )[0]
  } catch (error) {
    return isTsnetError(error) ? error.code : error
  }
}

describe('sysctls of a sandbox', () => {
  it('are spelled as sysctl(8) takes them', () => {
    expect(
      [
        'net.core.somaxconn',
        'net/core/somaxconn',
        'net.ipv4.conf.eth0/1.rp_filter',
        'net/ipv4/conf/eth0.1/rp_filter',
      ].map(keyOf),
    ).toEqual([
      'net/core/somaxconn',
      'net/core/somaxconn',
      'net/ipv4/conf/eth0.1/rp_filter',
      'net/ipv4/conf/eth0.1/rp_filter',
    ])
  })

  it('that would change the host are refused', () => {
    const keys = ['kernel.shmmax', 'net', 'net/../kernel/shmmax', 'net/core/', '/net/core/x', 'net.ipv4.', '']
    expect(keys.map(keyOf)).toEqual(keys.map(() => 'TSNET_BAD_VALUE'))
  })
})

describe('the loopback interface of a sandbox', () => {
  it('is taken down again only where it was down', () => {
    const lo = { name: 'lo', kind: '', mac: undefined, mtuBytes: 65536, master: undefined, alias: undefined }
    const plans = [true, false].map((up) => planSandbox({ links: [{ ...lo, up }], sysctls: {} }))
    expect(plans).toEqual([
      [{ kind: 'linkUp', where: 'sandbox', dev: 'lo', before: 'up' }],
      [{ kind: 'linkUp', where: 'sandbox', dev: 'lo', before: 'down' }],
    ])
  })
})
