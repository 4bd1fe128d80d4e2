/**
 * The direction of imports (design 2.4), held by `.config/dependency-cruiser.cjs`.
 *
 * A rule whose pattern matches nothing is green for ever, so the second half
 * makes a small tree in a temporary folder in which every rule is broken once.
 */
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const config = join(root, '.config/dependency-cruiser.cjs')
const program = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs')
const cruiseLimitMs = 180_000

interface Rule {
  name: string
  comment?: string
}
const { forbidden: rules } = createRequire(import.meta.url)(config) as { forbidden: Rule[] }

/** Runs dependency-cruiser over the folders of `folder` that exist and returns what it prints. */
async function cruise(folder: string, outputType: 'err-long' | 'json'): Promise<string> {
  const places = ['lib', 'cmd', 'plugins', 'netns-fixtures'].filter((place) =>
    existsSync(join(folder, place)),
  )
  const argv = [program, '--config', config, '--output-type', outputType, ...places]
  return new Promise((resolve, reject) => {
    const limits = { cwd: folder, timeout: cruiseLimitMs, maxBuffer: 64 * 1024 * 1024 }
    execFile(process.execPath, argv, limits, (error, stdout, stderr) => {
      // A number is the count of violations, which stdout tells better; anything else means it could not run.
      if (error !== null && typeof error.code !== 'number') reject(error)
      else if (stdout === '') reject(new Error(`dependency-cruiser printed nothing but: ${stderr}`))
      else resolve(stdout)
    })
  })
}

describe('the house', () => {
  it('has no import against the direction of the rooms', { timeout: cruiseLimitMs + 20_000 }, async () => {
    const report = await cruise(root, 'err-long')
    expect(report).toContain('no dependency violations found')
  })

  it('starts programs by lists of words: no shell ever reads what users write', () => {
    const files = ['lib', 'cmd', 'plugins'].flatMap((place) =>
      readdirSync(join(root, place), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts'))
        .map((name) => join(place, name)),
    )
    expect(files.length).toBeGreaterThan(300)
    const shells =
      /\bshell: true|\bexec(?:Sync)?\b.*from 'node:child_process'|'(?:\/bin\/)?(?:ba)?sh', *'-[a-z]*c'/
    expect(files.filter((file) => shells.test(readFileSync(join(root, file), 'utf8')))).toEqual([])
  })

  it('states a reason for every rule', () => {
    expect(rules.filter((rule) => (rule.comment ?? '').length < 40)).toEqual([])
  })
})

/** One import for each rule, in the file on the left, that breaks it. */
const trespasses: Record<string, { file: string; imports: string }> = {
  'no-cycles': { file: 'lib/engine/gc.ts', imports: './undo.ts' },
  'no-unresolved': { file: 'lib/engine/local.ts', imports: './gone.ts' },
  'errors-imports-inward': { file: 'lib/errors/codes.ts', imports: '../plan/step.ts' },
  'model-imports-inward': { file: 'lib/model/network.ts', imports: '../kernel/system/run.ts' },
  'plan-imports-inward': { file: 'lib/plan/plan.ts', imports: '../drivers/bridge.ts' },
  'drivers-imports-inward': { file: 'lib/drivers/host.ts', imports: '../engine/local.ts' },
  'firewall-imports-inward': { file: 'lib/firewall/none.ts', imports: '../engine/local.ts' },
  'ipam-imports-inward': { file: 'lib/ipam/leases.ts', imports: '../engine/local.ts' },
  'dns-imports-inward': { file: 'lib/dns/server.ts', imports: '../engine/local.ts' },
  'dhcp-imports-inward': { file: 'lib/dhcp/machine.ts', imports: '../engine/local.ts' },
  'state-imports-inward': { file: 'lib/state/store.ts', imports: '../engine/local.ts' },
  'kernel-imports-inward': { file: 'lib/kernel/linux.ts', imports: '../engine/local.ts' },
  'engine-imports-inward': { file: 'lib/engine/look/check.ts', imports: '../../adapters/cni.ts' },
  'inspect-imports-inward': { file: 'lib/inspect/top.ts', imports: '../daemon/server.ts' },
  'adapters-imports-inward': { file: 'lib/adapters/docker.ts', imports: '../daemon/server.ts' },
  'overlay-imports-inward': { file: 'lib/overlay/peers.ts', imports: '../daemon/server.ts' },
  'drivers-stands-alone': { file: 'lib/drivers/none.ts', imports: '../firewall/nft.ts' },
  'firewall-stands-alone': { file: 'lib/firewall/base.ts', imports: '../drivers/bridge.ts' },
  'ipam-stands-alone': { file: 'lib/ipam/ports.ts', imports: '../state/lock.ts' },
  'dns-stands-alone': { file: 'lib/dns/chain.ts', imports: '../state/lock.ts' },
  'dhcp-stands-alone': { file: 'lib/dhcp/options.ts', imports: '../kernel/system/run.ts' },
  'state-stands-alone': { file: 'lib/state/journal.ts', imports: '../kernel/system/run.ts' },
  'kernel-stands-alone': { file: 'lib/kernel/memory.ts', imports: '../drivers/bridge.ts' },
  'kernel-takes-only-types-from-state': { file: 'lib/kernel/flock.ts', imports: '../state/lock.ts' },
  'pure-rooms-do-no-io': { file: 'lib/drivers/vxlan.ts', imports: 'node:os' },
  'hash-uses-crypto-only': { file: 'lib/model/hash.ts', imports: 'node:fs' },
  'pure-parts-do-not-import-the-rest-of-their-room': {
    file: 'lib/ipam/allocator.ts',
    imports: './leases.ts',
  },
  'kernel-packages-live-in-kernel': { file: 'lib/state/paths.ts', imports: 'koffi' },
  'processes-start-in-kernel': { file: 'lib/state/clean.ts', imports: 'node:child_process' },
  'ip-address-lives-in-model-address': { file: 'lib/model/names.ts', imports: 'ip-address' },
  'dns2-lives-in-dns': { file: 'lib/engine/names/names.ts', imports: 'dns2' },
  'commander-lives-in-cmd': { file: 'lib/engine/report.ts', imports: 'commander' },
  'inspect-asks-and-never-acts': { file: 'lib/inspect/fix.ts', imports: '../kernel/system/run.ts' },
  'inspect-does-no-io-of-its-own': { file: 'lib/inspect/svg.ts', imports: 'node:fs' },
  'adapters-never-touch-the-kernel': { file: 'lib/adapters/oci.ts', imports: '../kernel/system/run.ts' },
  'commands-use-the-public-doors': { file: 'cmd/tsnet/setup.ts', imports: '../../lib/engine/local.ts' },
  'doors-face-outward': { file: 'lib/engine/engine.ts', imports: '../netns.ts' },
  'nothing-imports-a-command': { file: 'netns-fixtures/lab.ts', imports: '../cmd/tsnet/main.ts' },
  'shipped-code-leaves-tests-alone': { file: 'lib/engine/lower.ts', imports: '../../netns-fixtures/host.ts' },
  'shipped-code-uses-dependencies-only': { file: 'lib/engine/cache.ts', imports: 'vitest' },
}

/** Imports that look like trespasses and are allowed, each by a decision. */
const allowed: Record<string, string> = {
  'lib/kernel/system/lock.ts': "import type { x } from '../../state/lock.ts'\nexport type y = typeof x\n",
  'lib/kernel/netlink.ts': "import x from 'netlink'\nimport 'koffi'\nimport 'execa'\nexport default x\n",
  'lib/model/address.ts': "import 'ip-address'\n",
  'cmd/tsnet/main.ts':
    "import 'commander'\nimport '../../lib/index.ts'\nimport '../../lib/adapters/cni.ts'\n",
  'lib/inspect/find.ts':
    "import type { x } from '../engine/engine.ts'\nimport '../kernel/namespace/netns.ts'\nexport type y = typeof x\n",
  'lib/index.ts': "import './engine/local.ts'\nimport './kernel/system/run.ts'\n",
  'netns-fixtures/process.ts': "import 'node:child_process'\nimport '../lib/kernel/system/run.ts'\n",
}

const bystanders = [
  'lib/engine/local.ts',
  'lib/plan/step.ts',
  'lib/kernel/namespace/netns.ts',
  'lib/kernel/system/run.ts',
  'lib/drivers/bridge.ts',
  'lib/firewall/nft.ts',
  'lib/state/lock.ts',
  'lib/ipam/leases.ts',
  'lib/adapters/cni.ts',
  'lib/daemon/server.ts',
  'lib/netns.ts',
  'netns-fixtures/host.ts',
]

describe('a tree that breaks every rule once', () => {
  let tree: string

  beforeAll(async () => {
    tree = await mkdtemp(join(tmpdir(), 'tsnet-boundaries-'))
    const files = new Map<string, string>(bystanders.map((file) => [file, 'export const x = 1\n']))
    for (const { file, imports } of Object.values(trespasses)) {
      files.set(file, `import '${imports}'\nexport const x = 1\n`)
    }
    files.set('lib/engine/undo.ts', "import './gc.ts'\n")
    for (const [file, text] of Object.entries(allowed)) files.set(file, text)
    for (const [file, text] of files) {
      await mkdir(dirname(join(tree, file)), { recursive: true })
      await writeFile(join(tree, file), text)
    }
    for (const file of ['package.json', 'tsconfig.json', 'node_modules']) {
      await symlink(join(root, file), join(tree, file))
    }
  })
  afterAll(async () => {
    await rm(tree, { recursive: true, force: true })
  })

  it('is reported, rule by rule and nothing else', { timeout: cruiseLimitMs + 20_000 }, async () => {
    const { summary } = JSON.parse(await cruise(tree, 'json')) as {
      summary: { violations: { from: string; rule: { name: string } }[] }
    }
    const found = summary.violations.map(({ from, rule }) => `${rule.name}: ${from}`)
    const expected = Object.entries(trespasses).map(([name, { file }]) => `${name}: ${file}`)
    // Some imports break two rules; what matters is that each rule saw its own, and the allowed files none.
    expect(expected.filter((line) => !found.includes(line))).toEqual([])
    expect(found.filter((line) => Object.keys(allowed).some((file) => line.endsWith(`: ${file}`)))).toEqual(
      [],
    )
    expect(rules.map((rule) => rule.name).sort()).toEqual(Object.keys(trespasses).sort())
  })
})
