/**
 * Network namespaces of others: how one is known, entered and left, and told from a dead one.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { bench } from './kernelbench.ts'

needs('root', 'ip', 'nft', 'veth', 'ipv6', 'built')

describe('a sandbox', () => {
  it('is known by its cookie and its links', async () => {
    await using lab = await createLab()
    const { host, box, kernel } = await bench(lab)
    const facts = await kernel.call<{ identity: { cookie: string; bootId: string } }>('facts', box.netns)
    const { identity } = facts
    expect(facts).toEqual({
      identity: { cookie: expect.stringMatching(/^\d+$/), bootId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
      own: false,
      links: [{ name: 'lo', kind: '', mac: '00:00:00:00:00:00', mtuBytes: 65536, up: false }],
    })
    expect(await kernel.call('facts', host.netns)).toMatchObject({ own: true })
    const other = await lab.container(host)
    expect([
      await kernel.call('isAlive', box.netns, identity),
      await kernel.call('isAlive', other.netns, identity),
      await kernel.call('isAlive', box.netns, { ...identity, bootId: 'another' }),
      await kernel.call('isAlive', '/nowhere', identity),
    ]).toEqual([true, false, false, false])
    await box.kill()
    expect(await kernel.call('isAlive', box.netns, identity)).toBe(false)
  })

  it('is not taken for dead by whoever has no descriptor left to look', async () => {
    await using lab = await createLab()
    const { host, box, kernel } = await bench(lab)
    const { identity } = await kernel.call<{ identity: object }>('facts', box.netns)
    const script = `
      import { openSync } from 'node:fs'
      import { isAlive } from '${repository}dist/lib/kernel/namespace/netns.js'
      const ask = () => isAlive('${box.netns}', ${JSON.stringify(identity)})
      const before = ask()
      try { for (;;) openSync('/dev/null') } catch {}
      console.log(before, ask())`
    const argv = ['prlimit', '--nofile=64', process.execPath, '--input-type=module', '-e', script]
    expect((await host.run(argv)).stdout).toBe('true true\n')
  })

  it('shows its own sysctls and not the host’s', async () => {
    await using lab = await createLab()
    const { host, box, kernel } = await bench(lab)
    await host.sh('echo 1 > /proc/sys/net/ipv4/ip_forward')
    expect(await kernel.call('sandboxSysctls', box.netns, ['net/ipv4/ip_forward', 'net/nothing'])).toEqual({
      'net/ipv4/ip_forward': '0',
    })
  })

  it('is nothing but a network namespace', async () => {
    await using lab = await createLab()
    const { host, kernel } = await bench(lab)
    await host.sh('touch /run/plain; mkfifo /run/fifo')
    const errors = []
    for (const path of [
      '/proc/self/ns/mnt',
      '/run/plain',
      '/run/fifo',
      '/run',
      '/proc/4194304/ns/net',
      '/run/plain/x',
    ]) {
      errors.push(await kernel.call('facts', path))
    }
    expect(errors).toMatchInlineSnapshot(`
      [
        {
          "error": {
            "code": "TSNET_NOT_A_NETNS",
            "field": "sandbox.path",
            "hint": "the network namespace of a process is /proc/PID/ns/net",
            "kind": "invalid",
            "message": "opening network namespace /proc/self/ns/mnt: it is a namespace of another kind",
            "retryable": false,
            "value": "/proc/self/ns/mnt",
          },
        },
        {
          "error": {
            "code": "TSNET_NOT_A_NETNS",
            "field": "sandbox.path",
            "hint": "a name below /run/netns is only a namespace while \`ip netns\` has it mounted; or use /proc/PID/ns/net",
            "kind": "invalid",
            "message": "opening network namespace /run/plain: it is no namespace",
            "retryable": false,
            "value": "/run/plain",
          },
        },
        {
          "error": {
            "code": "TSNET_NOT_A_NETNS",
            "field": "sandbox.path",
            "hint": "a name below /run/netns is only a namespace while \`ip netns\` has it mounted; or use /proc/PID/ns/net",
            "kind": "invalid",
            "message": "opening network namespace /run/fifo: it is no namespace",
            "retryable": false,
            "value": "/run/fifo",
          },
        },
        {
          "error": {
            "code": "TSNET_NOT_A_NETNS",
            "field": "sandbox.path",
            "hint": "a name below /run/netns is only a namespace while \`ip netns\` has it mounted; or use /proc/PID/ns/net",
            "kind": "invalid",
            "message": "opening network namespace /run: it is no namespace",
            "retryable": false,
            "value": "/run",
          },
        },
        {
          "error": {
            "code": "TSNET_NOT_A_NETNS",
            "field": "sandbox.path",
            "hint": "is the process still running? see \`ip netns list\`, \`lsns -t net\`",
            "kind": "invalid",
            "message": "opening network namespace /proc/4194304/ns/net: no such process or namespace",
            "retryable": false,
            "value": "/proc/4194304/ns/net",
          },
        },
        {
          "error": {
            "code": "TSNET_NOT_A_NETNS",
            "field": "sandbox.path",
            "hint": "is the process still running? see \`ip netns list\`, \`lsns -t net\`",
            "kind": "invalid",
            "message": "opening network namespace /run/plain/x: no such process or namespace",
            "retryable": false,
            "value": "/run/plain/x",
          },
        },
      ]
    `)
  })

  it('is left at once, whatever happens inside', async () => {
    await using lab = await createLab()
    const { host, box, kernel } = await bench(lab)
    const outcomes = []
    for (const what of ['promise', 'nested', 'throw'])
      outcomes.push(await kernel.call('visit', box.netns, what))
    expect(outcomes).toMatchInlineSnapshot(`
      [
        {
          "error": {
            "code": "TSNET_INTERNAL",
            "kind": "internal",
            "message": "a visit to a network namespace returned a promise: it must be synchronous",
            "retryable": false,
          },
        },
        {
          "error": {
            "code": "TSNET_INTERNAL",
            "kind": "internal",
            "message": "entering a network namespace from inside another",
            "retryable": false,
          },
        },
        {
          "error": {
            "message": "Error: thrown inside",
          },
        },
      ]
    `)
    expect(await kernel.call('facts', host.netns)).toMatchObject({ own: true })
  })
})
