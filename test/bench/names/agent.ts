/**
 * Starts tsnet's name server with made-up containers, in the namespace it is
 * run in, and measures changes: one JSON line. The server goes on.
 *
 * Usage: agent.ts ADDRESS NAMES WORKERS SOCKET
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { askNameServer } from '../../../lib/dns/client.ts'
import type { Contents } from '../../../lib/dns/control.ts'
import { startNameServer } from '../../../lib/kernel/system/nameserver.ts'
import type { Address, Cidr } from '../../../lib/model/address.ts'

const [address = '', names = '', workers = '', socketPath = ''] = process.argv.slice(2)

/** The first names are asked for; more are on networks of their own. */
const onFirst = 200
const subnets = ['10.99.0.0/16' as Cidr]
const first = { name: 'bench', listen: [address as Address], subnets, internal: false }
const others = Array.from({ length: Number(names) > onFirst ? 1000 : 0 }, (_, i) => ({
  name: `net${i}`,
  listen: [],
  subnets,
  internal: false,
}))
const networkOf = (i: number): Contents['networks'][number] =>
  others.length === 0 || i < onFirst ? first : (others[i % others.length] ?? first)
const container = (i: number): Contents['containers'][number] => ({
  id: `c${i}`,
  names: [`n${i}`],
  endpoints: [
    { network: networkOf(i).name, addresses: [`10.99.${1 + (i >> 8)}.${i & 255}` as Address], aliases: [] },
  ],
})

async function main(): Promise<void> {
  startNameServer({ socketPath, logPath: `${socketPath}.log`, workers: Number(workers) })
  const containers = Array.from({ length: Number(names) }, (_, i) => container(i))
  await askNameServer(
    socketPath,
    { op: 'load', networks: [first, ...others], containers, routes: [] },
    60_000,
  )
  const changesMs: number[] = []
  for (let i = 0; i < 100; i++) {
    const began = performance.now()
    await askNameServer(
      socketPath,
      { op: 'put', container: container(60_000 + i), networks: [networkOf(60_000 + i)] },
      10_000,
    )
    changesMs.push(performance.now() - began)
    await askNameServer(socketPath, { op: 'drop', id: `c${60_000 + i}` }, 10_000)
  }
  const response = await askNameServer(socketPath, { op: 'status' }, 10_000)
  const status = response?.ok === true ? response.status : undefined
  const pids = [status?.pid ?? 0, ...(status?.workers ?? [])]
  const residentMb = pids.map(
    (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024,
  )
  process.stdout.write(`${JSON.stringify({ pids, changesMs, residentMb })}\n`)
}

await main()
