/**
 * What the launcher sends of a call, and what signals do to it.
 *
 * @module
 */
import type { ChildProcess } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { kinds } from '../../../lib/daemon/api.ts'
import { encodeFrame } from '../../../lib/daemon/frames.ts'
import { decodeInvocation, type Invocation } from '../../../lib/daemon/invocation.ts'
import { build, call, daemon, keepTidy, writeProgram } from './launcher.ts'

keepTidy()

const ended = encodeFrame(kinds.exit, Buffer.from([0]))

/** Takes calls, and ends each with success. @returns what was sent, to be filled */
async function listener(): Promise<(Invocation | undefined)[]> {
  const sent: (Invocation | undefined)[] = []
  await daemon((socket, _kind, payload) => {
    sent.push(decodeInvocation(payload))
    socket.end(ended)
  })
  return sent
}

describe('the environment', () => {
  const ours = { TSNET_FIREWALL: 'nftables', NO_COLOR: '1' }
  const others = {
    HTTPS_PROXY: 'http://192.0.2.1:3128',
    TRACEPARENT: '00-ab-cd-01',
    DBUS_SYSTEM_BUS_ADDRESS: '',
  }

  it.each([
    ['bridge', 'cni/', []],
    ['netavark', 'podman/', ['teardown', '/run/netns/x']],
  ])('of %s is sent whole, for plugins of others that it calls', async (name, kind, words) => {
    const sent = await listener()
    const env = { ...ours, ...others, LARGE: 'x'.repeat(100_000), LARGER: 'y'.repeat(120_000) }
    expect(await call(await build(name, kind, {}), words, { env, input: '{}' })).toMatchObject({ code: 0 })
    expect(sent).toMatchObject([{ program: `${kind}${name}`, env, stdin: '{}' }])
  })

  it('of a command is sent as far as it matters', async () => {
    const sent = await listener()
    await call(await build('tsnet', '', {}), ['ls'], { env: { ...ours, ...others } })
    expect(Object.keys(sent[0]?.env ?? {}).sort()).toEqual([
      'NO_COLOR',
      'PATH',
      'TSNET_FIREWALL',
      'TSNET_SOCKET',
    ])
  })

  it('that is larger than a frame is left to the Node program', async () => {
    const sent = await listener()
    writeProgram('exit 1', 'launcher/node/bridge')
    const bridge = await build('bridge', 'cni/', { frame: 4096 })
    const env = { LARGE: 'x'.repeat(4096) }
    expect(await call(bridge, [], { env, input: '{}' })).toEqual({
      code: 0,
      stdout: 'node:  via local\n',
      stderr: '',
    })
    expect(sent).toEqual([])
  })
})

it('an input that is too long is refused, and not cut', async () => {
  const sent = await listener()
  const netavark = await build('netavark', 'podman/', { frame: 4096 })
  expect(await call(netavark, ['setup', '/run/netns/x'], { input: 'x'.repeat(4096) })).toEqual({
    code: 1,
    stdout: '{"error":"reading standard input: it has more than 2048 bytes (give it the document alone)"}\n',
    stderr: '',
  })
  expect(sent).toEqual([])
})

describe('SIGINT and SIGTERM', () => {
  /** Sends both when the call is there. @returns the kinds of frames, to be filled */
  async function signalling(netavark: () => ChildProcess | undefined, until: number): Promise<number[]> {
    const heard: number[] = []
    await daemon((socket, kind) => {
      heard.push(kind)
      if (kind === kinds.invoke) for (const name of ['SIGINT', 'SIGTERM'] as const) netavark()?.kill(name)
      if (kind === until) setTimeout(() => socket.end(ended), 200)
    })
    return heard
  }

  it.each([
    ['a teardown of podman’s is not stopped by', 'teardown', [kinds.invoke]],
    ['a set-up of podman’s is told of', 'setup', [kinds.invoke, kinds.signal]],
  ])('%s', async (_, verb, frames) => {
    const netavark = await build('netavark', 'podman/', {})
    let child: ChildProcess | undefined
    const heard = await signalling(() => child, frames.at(-1) as number)
    const started = (one: ChildProcess): void => {
      child = one
    }
    expect(await call(netavark, [verb, '/run/netns/x'], { input: '{}', started })).toMatchObject({ code: 0 })
    expect(heard).toEqual(frames)
  })
})
