/**
 * The package as users have it: installed by npm from its tarball, without
 * scripts, with the dependencies npm brings for it and nothing beside them.
 */
import { execFileSync } from 'node:child_process'
import { copyFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { type InstalledProject, installedProject } from './outside/installed.ts'
import { readmeExample } from './readme.ts'

needs('root', 'ip', 'iptables', 'veth', 'bridge', 'built')

const limitMs = 120_000
const loader = createRequire(import.meta.url).resolve('tsx')

let project: InstalledProject
beforeAll(async () => {
  project = await installedProject()
}, limitMs)
afterAll(() => project[Symbol.dispose]())

/** Copies one of the files in outside/ there. @returns its path */
function add(file: string): string {
  copyFileSync(`${repository}test/netns/outside/${file}`, `${project.folder}/${file}`)
  return `${project.folder}/${file}`
}

const run = (program: string, words: readonly string[]): string =>
  execFileSync(program, words, { cwd: project.folder, timeout: limitMs, encoding: 'utf8' })

describe('the installed package', { timeout: limitMs }, () => {
  it('has every door, with types, and needs no root to be imported', () => {
    const file = add('doors.ts')
    writeFileSync(
      `${project.folder}/tsconfig.json`,
      '{ "compilerOptions": { "strict": true, "noEmit": true, "module": "NodeNext", "target": "ES2023", "lib": ["ES2023", "ESNext.Disposable"], "types": ["node"] }, "files": ["doors.ts"] }\n',
    )
    expect(
      run(process.execPath, [`${repository}node_modules/typescript/lib/tsc.js`, '-p', project.folder]),
    ).toBe('')
    run('chmod', ['-R', 'a+rX', project.folder])
    const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=-all']
    expect(run('setpriv', [...nobody, process.execPath, '--import', loader, file])).toBe('26\n')
  })

  it('gives throwaway hosts to tests of others, as the README shows', () => {
    writeFileSync(`${project.folder}/lab.ts`, readmeExample('testing'))
    expect(run(process.execPath, ['--import', loader, `${project.folder}/lab.ts`])).toBe('hello\n[]\n')
  })

  it('has neighbours, disciplines, announcements and numbers of namespaces, and sockets from inside', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const box = await lab.container(host)
    await host.sh('ip link add one type veth peer name two; ip link set one up; ip link set two up')
    await box.sh('ip link set lo up')
    const served = host.start([process.execPath, '--import', loader, add('lower.ts'), box.netns])
    await served.waitFor('listening')
    expect(served.output().trim().split('\n')).toEqual([
      '0 0',
      '192.0.2.9 02:00:00:00:00:09 permanent pfifo root',
      '0 0 2',
      expect.stringMatching(/^ noqueue root$/),
      expect.stringMatching(/^\d+$/),
      expect.stringMatching(/^(\d+|no number)$/),
      // The socket is inside, and nothing of it out here.
      '0 1',
      'listening',
    ])
    expect((await box.probe.http('127.0.0.1', 80)).body).toBe('from outside')
    expect((await host.probe.http('127.0.0.1', 80)).verdict).toBe('refused')
  })

  it('may be in one process twice, each with native parts of its own: a driver or runtime brings its copy', async () => {
    await using lab = await createLab()
    const host = await lab.host('host', { forwarding: true })
    const [one, two] = [await lab.container(host), await lab.container(host)]
    const before = await snapshot(host)
    const { stdout } = await host.run([
      ...[process.execPath, '--import', loader, add('twice.ts')],
      ...[`${project.other}/node_modules/tsnet/dist/lib/index.js`, one.netns, two.netns],
    ])
    expect(stdout.trim().split('\n')).toEqual([
      'first 10.89.0.2/24',
      // Each sees what the other has done, and knows its errors.
      'second TSNET_PORT_IN_USE publishing 8080/tcp: held by container first true true',
      'second 10.89.0.3/24',
      'first,second',
      'first TSNET_NOT_A_NETNS true true',
    ])
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })
})
