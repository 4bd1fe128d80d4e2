/**
 * A system call that fails, with the errors of a host that is out of something:
 * the set-up fails, says so and leaves nothing, or the attachment is whole. One
 * that writes less than it was asked to is none that fails: all is whole.
 *
 * Here some calls on files, in `npm run test:chaos` each call with each error.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import type { RunResult } from '../../netns-fixtures/process.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { figure, size, spread, whole } from './chaos.ts'
import { type Case, cases, layChaosYard } from './chaosyard.ts'
import { tsnetWords } from './strace.ts'

needs(
  'root',
  'ip',
  'nft',
  'iptables',
  'iptables-nft',
  'iptables-legacy',
  'veth',
  'bridge',
  'ipv6',
  'strace',
  'gcc',
)

/**
 * Node opens and writes much of its own, not always as much, and hangs where its own pipes fail; in the short form only
 * what is the same on every kernel.
 */
const tried = whole ? /^(?!openat$)/ : /^(rename|mkdir|rmdir|unlink|flock|pwrite64)$/
const killed = { exitCode: 137, stderr: '' }
const errors = ['ENOMEM', 'EBUSY', 'EPERM', 'ENOSPC', 'EINTR', 'EIO'] as const

async function trial(one: Case, count: number): Promise<string> {
  await using lab = await createLab()
  const { chances, setup, teardown, tsnet, spoil, check, changed } = await layChaosYard(lab, one)
  const all = (await chances())
    .filter(({ point }) => tried.test(point.call))
    .flatMap((chance, i) =>
      // In the short form each call with one of them.
      (whole ? errors : [errors[i % errors.length] as string]).map((error) => ({ chance, error })),
    )
  const ends = { whole: 0, refused: 0, ended: 0 }
  for (const { chance, error } of spread(all, count)) {
    const { task, point } = chance
    if (task === teardown) await tsnet(...setup)
    const { exitCode, stderr } = await spoil(chance, `error=${error}`).catch(() => killed)
    const told = `${task[0]}, ${error} from ${point.nth}. ${point.line}: exit code ${exitCode}, ${stderr}`
    if (exitCode === 0) ends.whole++
    else if (exitCode < 128) ends.refused++
    // Node itself gives up, or we do, who cannot come back from a namespace.
    else ends.ended++
    if (exitCode !== 0 && exitCode < 128) {
      expect(stderr, told).toMatch(/^tsnet: .+/)
      expect(stderr, told).not.toContain('fault of tsnet')
    }
    if (task === setup && exitCode !== 0 && exitCode < 128) expect(await changed(), told).toEqual([])
    // The container is down; a network it was the last on may be left to the next command.
    if (exitCode !== 0 || task === teardown) await tsnet('gc')
    expect(await check(), told).toEqual([])
    await tsnet(...teardown)
    expect(await changed(), told).toEqual([])
  }
  return `${ends.whole} whole, ${ends.refused} refused, ${ends.ended} ended`
}

describe('a system call that fails: everything or nothing', () => {
  it.concurrent.each(whole ? cases : cases.filter(({ firewall }) => firewall === 'nftables'))(
    '$what',
    { timeout: whole ? 3_600_000 : 240_000 },
    async (one) => {
      figure(`a failing system call, ${one.what}: ${await trial(one, size(9, Number.POSITIVE_INFINITY))}`)
    },
  )
})

describe('writes that are short', () => {
  it.concurrent.each(
    whole ? cases : cases.filter(({ what }) => /two networks|port on iptables-nft/.test(what)),
  )('are gone on with: $what', { timeout: 240_000 }, async (one) => {
    await using lab = await createLab()
    const { host, setup, teardown, check, changed } = await layChaosYard(lab, one)
    const library = '/run/halfwrites.so'
    await host.sh(`gcc -O2 -shared -fPIC -o ${library} ${repository}test/netns/agents/halfwrites.c`)
    const env = { TSNET_FIREWALL: one.firewall, TSNET_VIA: 'local' }
    const shortly = (argv: readonly string[]): Promise<RunResult> =>
      host.run(['env', `LD_PRELOAD=${library}`, ...argv], { env, timeoutMs: 30_000 })
    const short = (words: readonly string[]): Promise<RunResult> =>
      shortly([...tsnetWords, ...words, '--json'])
    // They are: Node goes on by itself, so the kernel is asked. Another thread may call while it writes.
    const writing = [process.execPath, '-e', 'fs.writeFileSync("/run/eight", "12345678")']
    await shortly(['strace', '-f', '-o', '/run/trace', '-e', 'trace=write', ...writing])
    expect((await host.sh('cat /run/trace; rm /run/trace')).stdout).toMatch(
      /"1234", 4(?: <unfinished|\) += 4$)/m,
    )
    const { stdout } = await short(setup)
    expect(JSON.parse(stdout)).toMatchObject({ container: { id: 'one' } })
    expect(await check()).toEqual([])
    await short(teardown)
    expect(await changed()).toEqual([])
  })
})
