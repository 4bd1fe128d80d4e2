/**
 * Makes the code cache of a bundled program: `node code-cache.cjs NAME BODY CACHE [PID]`.
 *
 * V8 needs 17 ms to read through 0.9 MB of source before it runs the first
 * line, and compiles each function again when it is first called. The cache
 * holds what it has made of them. It is taken after the program has done what it
 * is for, in namespaces made for this (build.mjs): set up and taken down the
 * network namespace of PID, with either backend. Where that is not allowed it
 * holds what is called on the way to a plan, which changes nothing; the first
 * set-up with it costs 10 ms more.
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
const { dirname, join } = require('node:path')
const { Script } = require('node:vm')

const { mkdtempSync, readFileSync, rmSync, writeFileSync } = fs
const [, , name, body, cache, pid] = process.argv
const script = new Script(readFileSync(body, 'latin1'), { filename: body })
const folder = mkdtempSync(join(tmpdir(), 'tsnet-build-'))
const netns = `/proc/${pid}/ns/net`
const backends = ['nftables', 'iptables']
process.env.TSNET_VIA = 'local'

/** Of each program, its calls: arguments, and where it needs them its name, environment, standard input. */
const callsOf = {
  tsnet: () => {
    if (pid === undefined) return [{ words: planned }]
    return backends.flatMap((firewall) => [
      { words: ['setup', '--netns', netns, '-p', '8080:80', '--firewall', firewall, '--json'] },
      { words: ['ls', '--json'] },
      { words: ['port', '--netns', netns] },
      { words: ['check', '--json'] },
      { words: ['teardown', '--netns', netns, '--json'] },
    ])
  },
  'tsnet-whole': () => [{ words: planned }],
  // The hook reads of a container that tsnet does not know, and finds nothing to take down.
  'tsnet-hook': () => {
    const stop = { words: ['poststop'], input: stateOf('stopped', {}) }
    if (pid === undefined) return [stop]
    writeFileSync(`${folder}/config.json`, '{"linux":{"namespaces":[{"type":"network"}]}}')
    return [{ words: ['createRuntime'], input: stateOf('created', { pid: Number(pid) }) }, stop]
  },
  'tsnet-podman': () => {
    if (pid === undefined) return [{ name: 'netavark', words: ['version'] }]
    const words = ['--config', folder, `--aardvark-binary=${folder}/aardvark-dns`]
    return backends.flatMap((firewall) =>
      ['setup', 'teardown'].map((verb) => ({
        name: 'netavark',
        words: [...words, verb, netns],
        env: { NETAVARK_FW: firewall },
        input: JSON.stringify(podmans),
      })),
    )
  },
  // What it may do without a namespace is not worth the while.
  'tsnet-cni': () => {
    if (pid === undefined) return [{ name: 'tsnet', words: [], env: { CNI_COMMAND: 'VERSION' }, input: '{}' }]
    const env = { CNI_CONTAINERID: 'build', CNI_IFNAME: 'eth0', CNI_NETNS: netns, CNI_PATH: '' }
    return cniConfigurations.flatMap((configuration) =>
      ['ADD', 'DEL'].map((command) => ({
        name: configuration.type,
        words: [],
        env: { ...env, CNI_COMMAND: command },
        input: JSON.stringify({ cniVersion: '1.0.0', name: 'build', ...configuration }),
      })),
    )
  },
  'tsnet-dns': () => [{ words: [] }],
}

const planned = [
  ...[
    'plan',
    '--netns',
    pid === undefined ? '/proc/self/ns/net' : netns,
    '--network',
    'tsnet:ip=10.89.0.2',
    '-p',
    '8080:80',
  ],
  ...['--state-dir', folder, '--json'],
]

const stateOf = (status, more) => JSON.stringify({ id: 'build', status, bundle: folder, ...more })

const podmans = {
  container_id: 'build',
  container_name: 'build',
  port_mappings: [{ container_port: 80, host_port: 8080, host_ip: '', protocol: 'tcp', range: 1 }],
  networks: { podman: { static_ips: ['10.88.0.2'], interface_name: 'eth0' } },
  network_info: {
    podman: {
      name: 'podman',
      id: '2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9',
      driver: 'bridge',
      network_interface: 'podman0',
      created: '2026-11-21T00:00:00Z',
      subnets: [{ subnet: '10.88.0.0/16', gateway: '10.88.0.1' }],
      ipv6_enabled: false,
      internal: false,
      dns_enabled: true,
      ipam_options: { driver: 'host-local' },
    },
  },
}

const cniConfigurations = [
  ...backends.map((firewall) => ({
    type: 'tsnet',
    firewall,
    runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] },
  })),
  {
    type: 'bridge',
    isGateway: true,
    ipMasq: true,
    ipMasqBackend: 'iptables',
    ipam: {
      type: 'host-local',
      ranges: [[{ subnet: '10.22.0.0/24' }]],
      routes: [{ dst: '0.0.0.0/0' }],
      dataDir: '/run/leases',
    },
  },
]

const calls = callsOf[name]()
const surroundings = { ...process.env }
let input
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
fs.readFileSync = (path, ...rest) => (path === 0 && input !== undefined ? input : readFileSync(path, ...rest))

function leave(code) {
  rmSync(folder, { recursive: true, force: true })
  process.reallyExit(code)
}

function next() {
  const call = calls.shift()
  if (call === undefined) {
    writeFileSync(cache, script.createCachedData())
    leave(0)
  }
  process.argv = [process.argv[0], call.name ?? body, ...call.words]
  process.env = { ...surroundings, ...call.env }
  input = call.input
  script.runInThisContext()({}, createRequire(body), { exports: {} }, body, dirname(body))
}

// The program ends itself: that is when the next call is due. All but the name server, which waits 15 s for its first word.
process.exit = (code = 0) => {
  if (code !== 0 && pid !== undefined) leave(code)
  next()
}
const nameServerMs = 200
if (name === 'tsnet-dns') setTimeout(next, nameServerMs)
next()
