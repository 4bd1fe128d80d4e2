/**
 * `tsnet podman install | uninstall | status`, seen by the real podman, with an
 * /etc/containers of its own.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { readmeExample } from './readme.ts'

needs('root', 'ip', 'iptables', 'veth', 'bridge', 'busybox', 'podman', 'netavark', 'built')

const file = '/etc/containers/containers.conf.d/90-tsnet.conf'
const helpers = `${repository}dist/podman`
const debians = [
  '/usr/local/libexec/podman',
  '/usr/local/lib/podman',
  '/usr/libexec/podman',
  '/usr/lib/podman',
]

const text = (folders: readonly string[], note = ''): string =>
  `# Written by \`tsnet podman install\`; \`tsnet podman uninstall\` takes it away.
${note}[engine]
helper_binaries_dir = [
${folders.map((folder) => `  "${folder}",\n`).join('')}]

[network]
network_backend = "netavark"
`

async function hostOfItsOwn(lab: Awaited<ReturnType<typeof createLab>>): Promise<Host> {
  const host = await lab.host('host')
  await host.sh('mount -t tmpfs tmpfs /etc/containers')
  return host
}

describe("the README's example", () => {
  it('has podman use ours from the next command on, and its own again', { timeout: 120_000 }, async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const scripts = `${repository}test/netns/engines`
    const example = readmeExample('podman')
    const { stdout } = await host.run(['unshare', '-m', 'sh', `${scripts}/podman-install.sh`], {
      env: { TSNET: `${repository}dist`, SCRIPTS: scripts, EXAMPLE: example },
      timeoutMs: 100_000,
    })
    expect(stdout.replaceAll(/\b[0-9a-f]{64}\n/g, 'ID\n')).toBe(
      [
        '== example ==',
        `${file}: written`,
        'ID',
        '80/tcp -> 0.0.0.0:8080',
        'tsnet       used',
        `drop-in     ${file}`,
        `netavark    ${helpers}/netavark`,
        'backend     netavark',
        'web',
        `${file}: removed`,
        '== uninstalled ==',
        'as before',
        // A container of podman's own netavark.
        '1',
        '',
      ].join('\n'),
    )
  })
})

describe('tsnet podman', () => {
  it('install writes one file and says so, uninstall takes back exactly that', async () => {
    await using lab = await createLab()
    const host = await hostOfItsOwn(lab)
    const list = 'find /etc/containers'
    const before = (await host.sh(list)).stdout
    expect((await host.tsnet('podman', 'install')).stdout).toBe(`${file}: written\n`)
    expect((await host.sh(`cat ${file}`)).stdout).toBe(
      text([helpers, ...debians], '# Its folder was made with it.\n'),
    )
    expect((await host.tsnet('podman', 'install')).stdout).toBe(`${file}: there already\n`)
    expect((await host.tsnet('podman', 'status')).stdout).toBe(
      `tsnet       used\ndrop-in     ${file}\nnetavark    ${helpers}/netavark\nbackend     netavark\n`,
    )
    expect((await host.tsnet('podman', 'uninstall')).stdout).toBe(`${file}: removed\n`)
    expect((await host.sh(list)).stdout).toBe(before)
    expect((await host.tsnet('podman', 'uninstall')).stdout).toBe(`${file}: not there\n`)
    expect((await host.tsnet('podman', 'status', '--quiet')).stdout).toBe('not installed\n')
  })

  it('keeps folders of helpers that were configured, behind ours, and a folder that was there', async () => {
    await using lab = await createLab()
    const host = await hostOfItsOwn(lab)
    await host.sh('mkdir /etc/containers/containers.conf.d')
    await host.sh(`echo '[engine]
helper_binaries_dir = ["/srv/helpers", "/usr/lib/podman"]' > /etc/containers/containers.conf`)
    await host.tsnet('podman', 'install')
    expect((await host.sh(`cat ${file}`)).stdout).toBe(text([helpers, '/srv/helpers', '/usr/lib/podman']))
    await host.tsnet('podman', 'uninstall')
    expect((await host.sh('ls -A /etc/containers /etc/containers/containers.conf.d')).stdout).toBe(
      '/etc/containers:\ncontainers.conf\ncontainers.conf.d\n\n/etc/containers/containers.conf.d:\n',
    )
  })

  it('never touches a file of that name that is not ours', async () => {
    await using lab = await createLab()
    const host = await hostOfItsOwn(lab)
    await host.sh(`mkdir /etc/containers/containers.conf.d && echo '# mine' > ${file}`)
    for (const verb of ['install', 'uninstall']) {
      const { stderr } = await host.tsnet('podman', verb, { expectExit: 4 })
      expect(stderr).toBe(
        `tsnet: ${file} is there, and tsnet has not written it\n  field: --dir\n  value: ${file}\n  hint: move it away, or name another folder with --dir\n`,
      )
    }
    expect((await host.sh(`cat ${file}`)).stdout).toBe('# mine\n')
    const { stderr } = await host.tsnet('podman', 'install', '--dir', '/etc/passwd/nowhere', {
      expectExit: 2,
    })
    expect(stderr).toContain('/etc/passwd/nowhere/90-tsnet.conf: ENOTDIR')
  })

  it('status says why podman uses another one although ours is installed', async () => {
    await using lab = await createLab()
    const host = await hostOfItsOwn(lab)
    await host.tsnet('podman', 'install')
    const why = async (env: Readonly<Record<string, string>> = {}): Promise<readonly string[]> => {
      const { stdout } = await host.tsnet('podman', 'status', '--json', { env, expectExit: 5 })
      return (JSON.parse(stdout) as { readonly obstacles: readonly string[] }).obstacles
    }
    expect(await why({ CONTAINERS_HELPER_BINARY_DIR: '/usr/lib/podman' })).toEqual([
      'CONTAINERS_HELPER_BINARY_DIR=/usr/lib/podman comes first',
    ])
    expect(await why({ CONTAINERS_CONF: '/dev/null' })).toEqual([
      'CONTAINERS_CONF=/dev/null is read instead of all other files',
    ])
    const later = '/etc/containers/containers.conf.d/99-own.conf'
    await host.sh(`echo '[network]
network_backend = "cni"
[engine]
helper_binaries_dir = ["/usr/lib/podman"]' > ${later}`)
    expect(await why()).toEqual([
      `${later} sets helper_binaries_dir, and is read later`,
      `${later} sets network_backend to "cni"`,
    ])
  })
})
