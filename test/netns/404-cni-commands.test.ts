/**
 * `tsnet cni`: installing the plugins, and doing what an engine does.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { box } from './cni.ts'

needs('root', 'ip', 'iptables', 'veth', 'bridge', 'cni-plugins')

const where = ['--dir', '/run/plugins', '--conf-dir', '/etc/cni/net.d']

describe('tsnet cni', () => {
  it.each([[[]], [['--copy']]])('installs %j, attaches, checks, lists and detaches', async (how) => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const installed = (await host.tsnet('cni', 'install', ...where, ...how)).stdout
    expect(installed).toContain('/run/plugins/bridge\n')
    const env = { CNI_PATH: '/run/plugins' }
    const container = await box(host)
    const one = ['tsnet-cni', container.netns, '--id', 'web'] as const
    const cap = JSON.stringify({ portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] })
    const added = JSON.parse((await host.tsnet('cni', 'add', ...one, '--cap', cap, { env })).stdout)
    expect(added).toMatchObject({ cniVersion: '1.1.0', ips: [{ gateway: expect.any(String) }] })
    await container.serve.tcp(80)
    expect(await host.probe.tcp('127.0.0.1', 8080)).toBe('reached')
    expect((await host.tsnet('cni', 'list')).stdout).toMatch(
      new RegExp(
        `^NETWORK +CONTAINER +INTERFACE +ADDRESSES\\ntsnet-cni +web +eth0 +${added.ips[0].address}\\n$`,
      ),
    )
    expect((await host.tsnet('cni', 'check', ...one, { env })).stdout).toBe('')
    expect((await host.tsnet('cni', 'status', 'tsnet-cni', { env })).stdout).toBe('ready\n')
    await container.sh('ip route del default')
    expect((await host.tsnet('cni', 'check', ...one, { env, expectExit: 1 })).stderr).toContain('route')
    await host.tsnet('cni', 'del', ...one, { env })
    expect((await host.tsnet('cni', 'list')).stdout).toBe('')
    expect((await host.tsnet('cni', 'install', ...where, '--uninstall')).stdout).toBe(installed)
    expect((await host.sh('ls /run/plugins /etc/cni/net.d')).stdout).toBe(
      '/etc/cni/net.d:\n\n/run/plugins:\n',
    )
  })

  it('never replaces the plugins of others', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    await host.sh('mkdir /run/plugins && cp /usr/lib/cni/bridge /run/plugins/')
    const refused = await host.tsnet('cni', 'install', ...where, { expectExit: 4 })
    expect(refused.stderr).toContain('other plugins are there: bridge')
    expect((await host.sh('ls /run/plugins')).stdout).toBe('bridge\n')
  })

  it('gc removes attachments whose namespace is gone', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    await host.tsnet('cni', 'install', ...where)
    const env = { CNI_PATH: '/run/plugins' }
    const [one, two] = [await box(host), await box(host)]
    await host.tsnet('cni', 'add', 'tsnet-cni', one.netns, '--id', 'one', { env })
    await host.tsnet('cni', 'add', 'tsnet-cni', two.netns, '--id', 'two', { env })
    await one.kill()
    expect((await host.tsnet('cni', 'gc', 'tsnet-cni', { env })).stdout).toBe('one eth0\n')
    expect((await host.tsnet('ls', '-q')).stdout).toBe('two\n')
  })

  it('gc goes on over what fails, and tells all of it', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const plugin = [
      '#!/bin/sh',
      'type=$(basename "$0")',
      'echo "$CNI_COMMAND $CNI_CONTAINERID $type" >> /run/log',
      'case "$CNI_COMMAND $CNI_CONTAINERID $type" in "DEL one first" | "GC "*" first")',
      '  echo "{\\"code\\":11,\\"msg\\":\\"stuck\\"}"; exit 1',
      'esac',
      `[ "$CNI_COMMAND" != ADD ] || echo '{"cniVersion":"1.1.0"}'`,
    ]
    const list = { cniVersion: '1.1.0', name: 'odd', plugins: [{ type: 'first' }, { type: 'second' }] }
    await host.sh('mkdir -p /run/plugins /etc/cni/net.d; cat > /etc/cni/net.d/odd.conflist', {
      stdin: JSON.stringify(list),
    })
    await host.sh('cd /run/plugins; cat > first; chmod 755 first; cp first second', {
      stdin: `${plugin.join('\n')}\n`,
    })
    const env = { CNI_PATH: '/run/plugins' }
    for (const id of ['one', 'two'])
      await host.tsnet('cni', 'add', 'odd', '/run/netns/gone', '--id', id, { env })
    await host.sh('rm /run/log')
    const { stderr } = await host.tsnet('cni', 'gc', 'odd', { env, expectExit: 'any' })
    expect(stderr).toMatchInlineSnapshot(`
      "tsnet: DEL of first: stuck (code 11)
        value: first
        not taken back: GC of first: stuck (code 11)
      "
    `)
    expect((await host.sh("sed 's/cnitool-[0-9a-f]*/-/' /run/log")).stdout).toBe(
      [
        'DEL one second',
        'DEL one first',
        'DEL two second',
        'DEL two first',
        'GC - first',
        'GC - second',
        '',
      ].join('\n'),
    )
    expect((await host.tsnet('cni', 'list', '-q')).stdout).toBe('one\n')
  })

  it('names the networks there are where one is not', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    await host.tsnet('cni', 'install', ...where)
    const { stderr } = await host.tsnet('cni', 'status', 'nope', { expectExit: 3 })
    expect(stderr).toContain('there are tsnet-cni')
  })
})
