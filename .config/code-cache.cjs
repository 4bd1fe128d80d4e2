/**
 * Makes the code cache of a bundled program: `node code-cache.cjs BODY CACHE`.
 *
 * V8 needs 17 ms to read through 0.9 MB of source before it runs the first
 * line, and compiles each function again when it is first called. The cache
 * holds what it has made of them. It is taken after the program has run a
 * command as far as that goes without a namespace to plan for, so that it holds
 * the functions every command needs; nothing is changed by that.
 *
 * A cache fits one version of V8: another Node refuses it and compiles.
 *
 * @see https://v8.dev/blog/code-caching-for-devs
 * @module
 */
'use strict'
const fs = require('node:fs')
const { createRequire } = require('node:module')
const { tmpdir } = require('node:os')
const { basename, dirname, join } = require('node:path')
const { Script } = require('node:vm')

const { mkdtempSync, readFileSync, rmSync, writeFileSync } = fs
const [, , body, cache, netns] = process.argv
const script = new Script(readFileSync(body, 'latin1'), { filename: body })
const stateDir = mkdtempSync(join(tmpdir(), 'tsnet-build-'))

const run = () => script.runInThisContext()({}, createRequire(body), module, body, dirname(body))

/**
 * CNI plugins work on a namespace made for this, from another one made for this
 * (build.mjs): attaching and detaching, once with either backend, and once as
 * a part of a chain.
 */
const pluginCalls = []
if (basename(body).startsWith('tsnet-cni-') && netns !== undefined) {
  const ranges = [[{ subnet: '10.22.0.0/24' }]]
  const ipam = { type: 'host-local', ranges, routes: [{ dst: '0.0.0.0/0' }], dataDir: '/run/leases' }
  const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }]
  const configurations = [
    ...['nftables', 'iptables'].map((firewall) => ({
      type: 'tsnet',
      firewall,
      runtimeConfig: { portMappings },
    })),
    { type: 'bridge', isGateway: true, ipMasq: true, ipMasqBackend: 'iptables', ipam },
  ]
  for (const configuration of configurations) {
    const text = JSON.stringify({ cniVersion: '1.0.0', name: 'build', ...configuration })
    for (const command of ['ADD', 'DEL']) pluginCalls.push({ type: configuration.type, command, text })
  }
  Object.assign(process.env, { CNI_CONTAINERID: 'build', CNI_IFNAME: 'eth0', CNI_NETNS: netns, CNI_PATH: '' })
}
let input
fs.readFileSync = (path, ...rest) => (path === 0 && input !== undefined ? input : readFileSync(path, ...rest))

/** @returns whether there was one left */
function nextPluginCall() {
  const call = pluginCalls.shift()
  if (call === undefined) return false
  process.argv = [process.argv[0], call.type]
  process.env.CNI_COMMAND = call.command
  input = call.text
  return true
}

// The program ends itself: that is when the cache is full. All but the name server, which waits 15 s for its first word.
const nameServerMs = 200
process.exit = () => {
  if (nextPluginCall()) {
    run()
    return
  }
  rmSync(stateDir, { recursive: true, force: true })
  writeFileSync(cache, script.createCachedData())
  process.reallyExit(0)
}
if (basename(body).startsWith('tsnet-dns-')) setTimeout(process.exit, nameServerMs)
process.argv = [
  process.argv[0],
  body,
  ...['plan', '--netns', '/proc/self/ns/net', '--network', 'tsnet:ip=10.89.0.2', '-p', '8080:80'],
  ...['--state-dir', stateDir, '--json'],
]
// The hook reads of a container that tsnet does not know, and finds nothing to take down.
if (basename(body).startsWith('tsnet-hook-')) {
  process.env.TSNET_STATE_DIR = stateDir
  process.argv = [process.argv[0], body, 'poststop']
}
nextPluginCall()
run()
