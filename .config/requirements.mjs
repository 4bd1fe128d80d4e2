/**
 * Is everything here that the tests and benchmarks, or (with --demo) the demo need? Silent and quick when it is. Missing Debian packages are installed when
 * root on Debian, else named; everything else is named with its way out.
 *
 * What that is stands in netns-fixtures/packages.mjs. Imports nothing of
 * node_modules, it runs before anybody said `npm ci`.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { demoPackages, find, packages } from '../netns-fixtures/packages.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const aptLimitMs = 10 * 60_000
const oldestNode = [20, 11]
/** Exit codes as the command's own: 69 something is missing, 77 not allowed (sysexits). */
const exit = { missing: 69, forbidden: 77 }

const wanted = process.argv.includes('--demo') ? demoPackages : packages

demandNode()
demandModules()
demandRoot()
const missing = missingPackages()
if (missing.length > 0) {
  if (!existsSync('/etc/debian_version') || find('apt-get') === undefined) nameThem(missing)
  install(missing)
  const still = missingPackages()
  if (still.length > 0) stop(`installed, and still not found: ${wantedOf(still)}`, exit.missing)
}

function demandNode() {
  if (process.platform !== 'linux') stop(`tsnet runs on Linux, this is ${process.platform}`, exit.missing)
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1])) {
    stop(`Node ${oldestNode.join('.')} or newer is needed, this is ${process.versions.node}`, exit.missing)
  }
}

function demandModules() {
  const some = ['netlink', 'koffi', 'esbuild', 'tsx', 'vitest'].filter(
    (name) => !existsSync(join(root, 'node_modules', name, 'package.json')),
  )
  if (some.length > 0) stop(`packages not installed (${some.join(', ')}): npm ci --include=dev`, exit.missing)
}

/** Root by number is not enough: a container's root may lack the capabilities that make a namespace. */
function demandRoot() {
  if (process.geteuid?.() !== 0) {
    stop('root is needed to make network namespaces: sudo npm run …, or in a root shell', exit.forbidden)
  }
  const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'
  const lacking = Object.entries({ CAP_NET_ADMIN: 12n, CAP_NET_RAW: 13n, CAP_SYS_ADMIN: 21n })
    .filter(([, bit]) => ((BigInt(`0x${effective}`) >> bit) & 1n) === 0n)
    .map(([name]) => name)
  if (lacking.length > 0)
    stop(`this root lacks ${lacking.join(', ')} (in a container: --privileged)`, exit.forbidden)
}

function missingPackages() {
  return Object.keys(wanted).filter((name) => wanted[name].some((part) => find(part) === undefined))
}

function nameThem(names) {
  stop(
    `not found: ${wantedOf(names)}\n` +
      `On Debian: apt-get update && apt-get install -y --no-install-recommends ${names.join(' ')}`,
    exit.missing,
  )
}

function wantedOf(names) {
  return names.map((name) => `${name} (${wanted[name].filter((part) => !find(part)).join(', ')})`).join('; ')
}

function install(names) {
  console.error(`installing Debian packages: ${names.join(' ')}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const open = keepServicesDown(names)
  process.once('exit', open)
  const install = ['install', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120', ...names]
  for (const args of [['update'], install]) {
    const run = spawnSync('apt-get', args, {
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: aptLimitMs,
    })
    if (run.status === 0) continue
    console.error(`${run.stdout}${run.stderr}`)
    stop(`failed: apt-get ${args.join(' ')}${run.error ? ` (${run.error.message})` : ''}`, exit.missing)
  }
}

/**
 * Debian starts what it installs, and dockerd would make a bridge and a DROP in the machine's own network: while we
 * install, nothing is started, and dockerd not at the next boot either. Tests start their own in throwaway hosts.
 *
 * @returns what lets other packages start theirs again
 */
function keepServicesDown(names) {
  if (names.includes('docker.io')) {
    mkdirSync('/etc/systemd/system', { recursive: true })
    for (const unit of ['docker.service', 'docker.socket']) {
      const mask = `/etc/systemd/system/${unit}`
      if (lstatSync(mask, { throwIfNoEntry: false }) === undefined) symlinkSync('/dev/null', mask)
    }
    console.error(
      'docker.service is masked; to use Docker here: systemctl unmask docker.service docker.socket',
    )
  }
  const policy = '/usr/sbin/policy-rc.d'
  if (existsSync(policy)) return () => undefined
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  return () => rmSync(policy, { force: true })
}

function stop(reason, code) {
  console.error(`requirements: ${reason}`)
  process.exit(code)
}
