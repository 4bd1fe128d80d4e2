/**
 * Calls of Docker's driver, as dockerd makes them.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { Host } from '../../netns-fixtures/host.ts'

const socket = '/run/docker/plugins/tsnet.sock'
/** What a driver says that dockerd cannot wait for any longer: it has taken all back, and may be asked again. */
const busy = /too busy to do it within|still held .*after 700 ms/

/** @param method such as `NetworkDriver.Join` @returns the answer, which is no error */
export async function callDriver(host: Host, method: string, body: object): Promise<Record<string, unknown>> {
  const words = ['curl', '-sS', '--max-time', '20', '--unix-socket', socket, '-d', JSON.stringify(body)]
  for (const deadline = Date.now() + 120_000; ; await sleep(500)) {
    const { stdout } = await host.run([...words, `http://docker/${method}`])
    const answer = JSON.parse(stdout) as Record<string, unknown>
    if (busy.test(String(answer['Err'])) && Date.now() < deadline) continue
    expect(answer).not.toHaveProperty('Err')
    return answer
  }
}
