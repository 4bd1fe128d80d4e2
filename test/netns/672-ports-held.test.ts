/**
 * Published ports are held against processes of the host where tsnetd runs, and whoever asks for one that is taken is told
 * who has it, before any rule is written.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import type { Background } from '../../netns-fixtures/process.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'

needs('root', 'ip', 'nft', 'veth', 'bridge', 'ipv6', 'built')

const program = `${repository}dist/bin/tsnet`
const env = { TSNET_FIREWALL: 'nftables' }

async function daemonOn(host: Host): Promise<Background> {
  const daemon = host.start([process.execPath, program, 'daemon', 'run'], { env })
  await daemon.waitFor('"listening"')
  return daemon
}

/** What a process of the host is told that binds it: `ok` or the kernel's word. */
async function bound(host: Host, protocol: 'tcp' | 'udp', address: string, port: number): Promise<string> {
  const tcp = `require('net').createServer().listen(${port},'${address}',()=>{console.log('ok');process.exit()}).on('error',(e)=>console.log(e.code))`
  const udp = `require('dgram').createSocket('udp${address.includes(':') ? 6 : 4}').bind(${port},'${address}',()=>{console.log('ok');process.exit()}).on('error',(e)=>console.log(e.code))`
  return (await host.run([process.execPath, '-e', protocol === 'tcp' ? tcp : udp])).stdout.trim()
}

async function untilBound(
  host: Host,
  protocol: 'tcp' | 'udp',
  address: string,
  port: number,
  wanted: string,
): Promise<void> {
  const deadline = Date.now() + 30_000
  while ((await bound(host, protocol, address, port)) !== wanted) {
    if (Date.now() > deadline)
      throw new Error(`${protocol} ${address} ${port} is still not ${wanted} after 30 s`)
    await sleep(50)
  }
}

describe('a published port', () => {
  it('cannot be taken by a process of the host as long as tsnetd runs, and can again after the teardown', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    await host.sh('ip link set lo up')
    const daemon = await daemonOn(host)
    const box = await lab.container(host)
    const ports = ['-p', '8080:80', '-p', '127.0.0.1:8081:80', '-p', '7000-7009:7000-7009/udp']
    await host.tsnet('setup', '--netns', box.netns, '--id', 'web', ...ports, { env })
    const asked = async (): Promise<readonly string[]> => [
      await bound(host, 'tcp', '0.0.0.0', 8080),
      await bound(host, 'tcp', '::', 8080),
      await bound(host, 'tcp', '127.0.0.1', 8081),
      await bound(host, 'udp', '127.0.0.1', 7009),
      await bound(host, 'tcp', '127.0.0.1', 7009),
      await bound(host, 'tcp', '0.0.0.0', 8082),
    ]
    const taken = 'EADDRINUSE'
    expect(await asked()).toEqual([taken, taken, taken, taken, 'ok', 'ok'])
    // Published later, and taken back, under a running container.
    await host.tsnet('publish', 'add', 'web', '8082:80')
    expect(await bound(host, 'tcp', '0.0.0.0', 8082)).toBe(taken)
    await host.tsnet('publish', 'rm', 'web', '8082:80')
    expect(await bound(host, 'tcp', '0.0.0.0', 8082)).toBe('ok')
    await host.tsnet('teardown', 'web')
    expect(await asked()).toEqual(['ok', 'ok', 'ok', 'ok', 'ok', 'ok'])
    expect(await daemon.stop()).toBe(0)
  })

  it('is held by a tsnetd that was started later, and after one was killed, and freed where it ends', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const box = await lab.container(host)
    const local = { env: { ...env, TSNET_VIA: 'local' } }
    await host.tsnet('setup', '--netns', box.netns, '--id', 'web', '-p', '8080:80', local)
    expect(await bound(host, 'tcp', '0.0.0.0', 8080)).toBe('ok')
    const first = await daemonOn(host)
    await untilBound(host, 'tcp', '0.0.0.0', 8080, 'EADDRINUSE')
    await host.sh(`kill -9 ${first.pid}`)
    await first.exited
    expect(await bound(host, 'tcp', '0.0.0.0', 8080)).toBe('ok')
    const second = await daemonOn(host)
    await untilBound(host, 'tcp', '0.0.0.0', 8080, 'EADDRINUSE')
    // What a command without it gives back and takes, it sees; nobody is refused because it was slow.
    for (const id of ['db', 'cache']) {
      await host.tsnet('teardown', '--all', local)
      await host.tsnet('setup', '--netns', box.netns, '--id', id, '-p', '8080:80', local)
    }
    await untilBound(host, 'tcp', '0.0.0.0', 8080, 'EADDRINUSE')
    await host.tsnet('teardown', 'cache', local)
    await untilBound(host, 'tcp', '0.0.0.0', 8080, 'ok')
    expect(await second.stop()).toBe(0)
  })

  it('that is taken is a conflict that names the holder, before anything is changed', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const daemon = await daemonOn(host)
    const [web, db] = [await lab.container(host), await lab.container(host)]
    await host.tsnet('setup', '--netns', web.netns, '--id', 'web', '-p', '8080:80', { env })
    const server = host.start([
      process.execPath,
      '-e',
      "require('net').createServer().listen(9090,()=>require('dgram').createSocket('udp4').bind(9091,()=>console.log('up')))",
    ])
    await server.waitFor('up')
    const before = await snapshot(host)
    const refused = async (port: string, via: string): Promise<string> => {
      const flags = ['--netns', db.netns, '--id', 'db', '-p', port]
      const options = { env: { ...env, TSNET_VIA: via }, expectExit: 4 }
      return (await host.tsnet('setup', ...flags, options)).stderr.split('\n')[0] ?? ''
    }
    for (const via of ['auto', 'local']) {
      expect(await refused('8080:80', via)).toBe('tsnet: publishing 8080/tcp: held by container web')
      expect(await refused('9090:80', via)).toBe(
        `tsnet: publishing 9090/tcp: held by process ${server.pid} (node)`,
      )
      expect(await refused('9085-9095:80-90/udp', via)).toBe(
        `tsnet: publishing 9091/udp: held by process ${server.pid} (node)`,
      )
      expect(snapshotDifference(before, await snapshot(host))).toEqual([])
    }
    await host.tsnet('teardown', 'web')
    await daemon.stop()
  })
})
