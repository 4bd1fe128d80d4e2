/**
 * systemd's files of ours, read by systemd.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import { needs } from '../../netns-fixtures/requirements.ts'

needs('root', 'ip', 'systemd', 'built')

const folder = '/etc/systemd/system'

/** What systemd says against them: nothing, where all is well. */
async function faults(host: Host, ...units: readonly string[]): Promise<string> {
  const paths = units.map((unit) => `${folder}/${unit}`).join(' ')
  const { stdout, stderr } = await host.sh(`systemd-analyze verify --man=no ${paths} || true`)
  // What other packages of this machine have wrong is theirs.
  return `${stdout}${stderr}`
    .split('\n')
    .filter((line) => line.includes('tsnet'))
    .join('\n')
}

describe('units for systemd', () => {
  it('of `tsnet docker install` are in order, socket before service before docker', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    // As on a host that systemd runs; here nobody answers systemctl, after the files are written.
    await host.sh('mkdir -p /run/systemd/system')
    const { stderr } = await host.tsnet('docker', 'install', { expectExit: 'any' })
    expect(stderr).toContain('running systemctl daemon-reload')
    expect(await faults(host, 'tsnet-docker.socket', 'tsnet-docker.service')).toBe('')
    const { stdout } = await host.sh(
      `grep -h '^\\(Before\\|After\\|Requires\\|WantedBy\\)=' ${folder}/tsnet-docker.*`,
    )
    expect(stdout.trim().split('\n').sort()).toEqual([
      'After=tsnet-docker.socket network.target nftables.service firewalld.service',
      'Before=docker.service',
      'Before=docker.service',
      'Requires=tsnet-docker.socket',
      'WantedBy=multi-user.target',
      'WantedBy=sockets.target',
    ])
    // The reader does find faults.
    await host.sh(`sed -i 's/^Restart=always/Restart=sometimes/' ${folder}/tsnet-docker.service`)
    expect(await faults(host, 'tsnet-docker.service')).toContain('sometimes')
  })

  it('of the daemon are in order', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    await host.sh(`mkdir -p ${folder}; cp ${repository}dist/systemd/tsnetd.* ${folder}/`)
    expect(await faults(host, 'tsnetd.socket', 'tsnetd.service')).toBe('')
  })
})
