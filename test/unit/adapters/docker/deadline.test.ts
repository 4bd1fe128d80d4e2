/**
 * A kernel that hangs: dockerd has its answer all the same, and what was begun
 * is finished or taken back behind it.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { deadlineMs } from '../../../../lib/adapters/docker/deadline.ts'
import { createEndpoint, createNetwork, endpoint, hungLimitMs, ids, tryDriver } from './driver.ts'

const busy = {
  Err: expect.stringContaining(
    `too busy to do it within ${hungLimitMs} ms, and it is taken back (try again)`,
  ),
}
const network = { NetworkID: ids.network }
const ports = {
  ...endpoint,
  Options: { 'com.docker.network.portmap': [{ Proto: 6, Port: 80, HostPort: 8080, HostPortEnd: 8080 }] },
}

describe('a call while the kernel hangs', () => {
  it('has an answer before dockerd has waited a second', () => {
    expect(deadlineMs).toBeLessThan(1000)
  })

  it.each([
    ['CreateNetwork', [], createNetwork],
    ['CreateEndpoint', [['CreateNetwork', createNetwork]], createEndpoint],
    [
      'ProgramExternalConnectivity',
      [
        ['CreateNetwork', createNetwork],
        ['CreateEndpoint', createEndpoint],
      ],
      ports,
    ],
  ] as const)(
    '%s is refused, taken back, and succeeds when it is asked again',
    async (method, first, body) => {
      const { call, dump, hang, settled } = tryDriver()
      for (const [before, told] of first)
        expect(await call(`NetworkDriver.${before}`, told)).not.toHaveProperty('Err')
      const before = dump()
      const wake = hang()
      expect(await call(`NetworkDriver.${method}`, body)).toEqual(busy)
      // Asked again too early: it comes behind the first.
      expect(await call(`NetworkDriver.${method}`, body)).toEqual(busy)
      wake()
      await settled()
      expect(dump()).toBe(before)
      expect(await call(`NetworkDriver.${method}`, body)).not.toHaveProperty('Err')
      expect(dump()).not.toBe(before)
    },
  )

  it('a repeat of what is there is refused too, and takes nothing away', async () => {
    const { call, dump, hang, settled, engine } = tryDriver()
    await call('NetworkDriver.CreateNetwork', createNetwork)
    await call('NetworkDriver.CreateEndpoint', createEndpoint)
    const before = dump()
    const wake = hang()
    const removed = call('NetworkDriver.RevokeExternalConnectivity', endpoint)
    await call('NetworkDriver.CreateEndpoint', createEndpoint)
    wake()
    await removed
    await settled()
    expect(dump()).toBe(before)
    expect(engine.ends.get(ids.web)?.network).toBe('docker-ab87ab87ab87')
  })

  it.each([
    ['DeleteEndpoint', endpoint],
    ['RevokeExternalConnectivity', endpoint],
  ])('%s is answered, and done when the kernel wakes', async (method, body) => {
    const { call, dump, hang, settled } = tryDriver()
    await call('NetworkDriver.CreateNetwork', createNetwork)
    const bare = dump()
    await call('NetworkDriver.CreateEndpoint', createEndpoint)
    const connected = dump()
    await call('NetworkDriver.ProgramExternalConnectivity', ports)
    const wake = hang()
    expect(await call(`NetworkDriver.${method}`, body)).toEqual({})
    wake()
    await settled()
    expect(dump()).toBe(method === 'DeleteEndpoint' ? bare : connected)
  })

  it('DeleteNetwork is answered, and done when the kernel wakes', async () => {
    const { call, dump, hang, settled } = tryDriver()
    const before = dump()
    await call('NetworkDriver.CreateNetwork', createNetwork)
    const wake = hang()
    expect(await call('NetworkDriver.DeleteNetwork', network)).toEqual({})
    wake()
    await settled()
    expect(dump()).toBe(before)
  })

  it('calls that need no kernel are answered as ever', async () => {
    const { call, hang } = tryDriver()
    await call('NetworkDriver.CreateNetwork', createNetwork)
    await call('NetworkDriver.CreateEndpoint', createEndpoint)
    hang()
    expect(await call('Plugin.Activate')).toHaveProperty('Implements')
    expect(await call('NetworkDriver.EndpointOperInfo', endpoint)).toHaveProperty('Value')
    expect(await call('NetworkDriver.Join', endpoint)).toHaveProperty('InterfaceName')
    expect(await call('NetworkDriver.Leave', endpoint)).toEqual({})
  })
})
