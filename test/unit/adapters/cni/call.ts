/**
 * Calling a plugin without a process.
 *
 * @module
 */

import type { Plugin } from '../../../../lib/adapters/cni/plugin.ts'
import { runPlugin } from '../../../../lib/adapters/cni/run.ts'
import type { PluginEngine } from '../../../../lib/engine/plugins.ts'
import { plugins } from '../../../../plugins/registry.ts'

export interface Said {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const fullEnv: Readonly<Record<string, string>> = {
  CNI_COMMAND: 'ADD',
  CNI_CONTAINERID: 'c1',
  CNI_NETNS: '/proc/1/ns/net',
  CNI_IFNAME: 'eth0',
  CNI_PATH: '',
}

/** An engine that must not be asked for more than which namespace is our own. */
const noEngine = {
  isOwnNetns: () => false,
  hasInterface: async () => false,
  close: async () => undefined,
} as unknown as PluginEngine

export async function call(
  plugin: Plugin,
  given: {
    readonly env?: Readonly<Record<string, string | undefined>>
    readonly stdin?: string
    readonly engine?: PluginEngine
  },
): Promise<Said> {
  let [stdout, stderr] = ['', '']
  const code = await runPlugin(plugin, {
    env: { ...fullEnv, ...given.env },
    caller: () => '7 100',
    stdin: () => given.stdin ?? '',
    stdout: (text) => {
      stdout += text
    },
    stderr: (text) => {
      stderr += text
    },
    openEngine: async () => given.engine ?? noEngine,
  })
  return { code, stdout, stderr }
}

export async function pluginOf(type: string): Promise<Plugin> {
  const load = plugins[type]
  if (load === undefined) throw new Error(`no plugin ${type}`)
  return load()
}
