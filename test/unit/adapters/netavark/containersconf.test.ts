/**
 * What we read of podman's configuration.
 *
 * @module
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import {
  configFiles,
  defaultHelperFolders,
  readContainersConf,
} from '../../../../lib/adapters/netavark/containersconf.ts'

const folder = mkdtempSync('/tmp/tsnet-conf-')
afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, text: string): string {
  writeFileSync(`${folder}/${name}`, text)
  return `${folder}/${name}`
}

describe('containers.conf', () => {
  it('that says nothing leaves podman’s own defaults', () => {
    const commented = file(
      'quiet',
      '[engine]\n#helper_binaries_dir = ["/a"]\n[network]\n#network_backend = "cni"\n',
    )
    expect(readContainersConf([commented, `${folder}/none`])).toEqual({
      helperFolders: defaultHelperFolders,
      backend: '',
      from: {},
    })
  })

  it('is read file after file, and the last one that names a key wins', () => {
    const first = file(
      'first',
      '[network]\nnetwork_backend = "cni"\n[engine]\nhelper_binaries_dir = ["/a"] # one\n',
    )
    const second = file('second', '[engine]\nhelper_binaries_dir = [\n  \'/b\', # two\n  "/c",\n]\n')
    expect(readContainersConf([first, second])).toEqual({
      helperFolders: ['/b', '/c'],
      backend: 'cni',
      from: { helperFolders: second, backend: first },
    })
  })

  it('has keys in tables: one of the same name elsewhere, or in quotes, means nothing', () => {
    const other = file(
      'other',
      '[containers]\nnetwork_backend = "x"\nenv = ["A=#1", "network_backend = 1"]\n[network]\ndns_bind_port = 54\n',
    )
    expect(readContainersConf([other]).backend).toBe('')
  })

  it('has drop-ins behind it, in alphabetical order, *.conf only', () => {
    for (const name of ['b.conf', 'a.conf', 'c.txt']) file(name, '')
    expect(configFiles(folder)).toEqual([
      '/usr/share/containers/containers.conf',
      '/etc/containers/containers.conf',
      `${folder}/a.conf`,
      `${folder}/b.conf`,
    ])
    expect(configFiles(`${folder}/nowhere`)).toHaveLength(2)
  })
})
