/**
 * The library from outside: what other people write against the public doors,
 * in a folder that has nothing of this repository but the package.
 */
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { addChain, box, type Conf, checkChain, delChain, ours, usualList } from './cni.ts'
import { outsideProject } from './outside/project.ts'
import { readmeExample } from './readme.ts'

needs('root', 'ip', 'iptables', 'veth', 'bridge', 'busybox', 'built')

describe('the runtime of sixty lines', () => {
  it('runs a program in its own root with a published port and names, and leaves nothing', async () => {
    using project = outsideProject()
    const text = readmeExample('runtime')
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(60)
    const runtime = project.write('runtime.ts', text)
    const root = `${project.folder}/root`
    for (const folder of ['bin', 'etc', 'www']) mkdirSync(`${root}/${folder}`, { recursive: true })
    copyFileSync('/bin/busybox', `${root}/bin/busybox`)
    for (const applet of ['sh', 'httpd', 'nslookup']) symlinkSync('busybox', `${root}/bin/${applet}`)
    writeFileSync(`${root}/www/index.html`, 'from the box\n')

    await using lab = await createLab()
    const host = await lab.host('host', { forwarding: true })
    const outside = await lab.host('outside')
    await lab.wire(host, outside, '198.51.100.0/24', { defaultRoute: 'first' })
    const before = await snapshot(host)

    const run = host.start([...runtime, root, '8080:80', 'httpd', '-f', '-p', '80', '-h', '/www'])
    await expect
      .poll(async () => (await outside.probe.http('198.51.100.1', 8080)).body, { timeout: 30_000 })
      .toBe('from the box\n')
    expect(run.output()).toMatch(/^running at 10\.89\.0\.2\/24 and fd[0-9a-f:]+::2\/64\n$/)
    expect(readFileSync(`${root}/etc/hosts`, 'utf8')).toContain('host.containers.internal')

    await host.run(['kill', String(run.pid)])
    expect(await run.exited).toBe(137)
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
    expect(readdirSync(`${root}/etc`)).toEqual([])
  })

  it('ends with the exit code of its program', async () => {
    using project = outsideProject()
    const root = `${project.folder}/root`
    mkdirSync(`${root}/bin`, { recursive: true })
    mkdirSync(`${root}/etc`)
    copyFileSync('/bin/busybox', `${root}/bin/sh`)
    await using lab = await createLab()
    const host = await lab.host('host')
    const runtime = project.write('runtime.ts', readmeExample('runtime'))
    const { exitCode } = await host.run([...runtime, root, '8081:80', 'sh', '-c', 'exit 7'], {
      expectExit: 'any',
    })
    expect(exitCode).toBe(7)
  })
})

describe('a CNI plugin of somebody else', () => {
  it('is chained behind ours: its routes come with ADD, are missed by CHECK, and go with DEL', async () => {
    using project = outsideProject()
    const bin = `${project.folder}/bin`
    cpSync(ours, bin, { recursive: true, verbatimSymlinks: true })
    const words = project.add('sinkhole.ts')
    writeFileSync(`${bin}/sinkhole`, `#!/bin/sh\nexec ${words.join(' ')}\n`)
    chmodSync(`${bin}/sinkhole`, 0o755)

    await using lab = await createLab()
    const host = await lab.host('host', { forwarding: true })
    // What the reference plugins leave for the next container, ours leave too.
    const first = await box(host)
    const usual = { netns: first.netns, from: bin, id: 'first' }
    await addChain(host, usualList(), usual)
    expect(await delChain(host, usualList(), usual)).toEqual([])
    await first.kill()
    const before = await snapshot(host)
    const container = await box(host)
    const list: readonly Conf[] = [
      ...usualList(),
      { cniVersion: '1.0.0', name: 'n1', type: 'sinkhole', subnets: ['203.0.113.0/24', '192.0.2.0/25'] },
    ]
    const call = { netns: container.netns, from: bin }
    const result = await addChain(host, list, call)
    expect(result.ips.map(({ address }) => address)).toEqual(['10.22.0.3/24'])
    const { stdout } = await container.sh('ip route | grep "dev lo"')
    expect(stdout).toBe('192.0.2.0/25 dev lo scope link \n203.0.113.0/24 dev lo scope link \n')

    expect(await checkChain(host, list, { ...call, prevResult: result })).toEqual([])
    await container.sh('ip route del 192.0.2.0/25 dev lo')
    expect(await checkChain(host, list, { ...call, prevResult: result })).toEqual([
      'sinkhole: the route of 192.0.2.0/25 to lo is gone',
    ])

    expect(await delChain(host, list, call)).toEqual([])
    expect((await container.sh('ip route')).stdout).toBe('')
    await container.kill()
    expect(await delChain(host, list, call)).toEqual([])
    expect(snapshotDifference(before, await snapshot(host))).toEqual([
      '- files: /var/lib/cni/networks/n1/last_reserved_ip.0: 10.22.0.2',
      '+ files: /var/lib/cni/networks/n1/last_reserved_ip.0: 10.22.0.3',
    ])
  })
})
