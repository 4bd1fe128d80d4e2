/**
 * Programs as the kernel room starts them.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { findProgram, run, spawnCount } from '../../../lib/kernel/system/run.ts'

describe('a program that is run', () => {
  it('gets its input, and gives exit code and both outputs', async () => {
    const before = spawnCount()
    expect(await run(['sh', '-c', 'cat; echo oops >&2; exit 3'], { input: 'a\nb\n' })).toEqual({
      exitCode: 3,
      stdout: 'a\nb\n',
      stderr: 'oops\n',
    })
    expect(spawnCount()).toBe(before + 1)
  })

  it('speaks English and finds the programs of the system, whatever our environment is', async () => {
    const { stdout } = await run(['sh', '-c', 'echo $LC_ALL; echo ":$PATH:"'])
    const [locale, path] = stdout.trim().split('\n')
    expect(locale).toBe('C')
    expect(path).toMatch(/:\/usr\/sbin:.*:\/sbin:/)
  })

  it('that is not there is an error that names its Debian package', async () => {
    await expect(run(['conntrack-that-is-not-there'])).rejects.toMatchObject({
      code: 'TSNET_PROGRAM_MISSING',
      message: 'starting conntrack-that-is-not-there: no such program on the path',
    })
    expect(findProgram('conntrack-that-is-not-there')).toBeUndefined()
  })

  it('that does not end is killed when its time is over', async () => {
    await expect(run(['sleep', '60'], { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'TSNET_PROGRAM_FAILED',
      message: 'running sleep 60: no end after 50 ms',
    })
  })

  it('may read and say more than a pipe holds, and many may at once', async () => {
    const input = 'x'.repeat(1_000_000)
    const results = await Promise.all(Array.from({ length: 20 }, () => run(['cat'], { input })))
    expect(results.map(({ exitCode, stdout }) => [exitCode, stdout === input])).toEqual(
      Array.from({ length: 20 }, () => [0, true]),
    )
  })

  it('that leaves another one behind with its outputs has ended all the same', async () => {
    const { exitCode, stdout } = await run(['sh', '-c', 'sleep 60 & echo $!'], { timeoutMs: 20_000 })
    expect(exitCode).toBe(0)
    process.kill(Number(stdout), 'SIGKILL')
  })

  it('has a session of its own', async () => {
    const { stdout } = await run(['sh', '-c', 'cut -d" " -f6 /proc/$$/stat; echo $$'])
    const [session, pid] = stdout.split('\n')
    expect(session).toBe(pid)
  })
})
