import { describe, expect, it } from 'vitest'
import { decodeInvocation, encodeInvocation, type Invocation } from '../../../lib/daemon/invocation.ts'

const call: Invocation = {
  protocol: 1,
  program: 'cni/bridge',
  argv: ['--flag', '', 'größe'],
  env: { CNI_ARGS: 'A=1;B=2', EMPTY: '' },
  cwd: '/run/here',
  netns: '4:4026531840',
  mntns: '4:4026531841',
  pid: 4242,
  sandbox: { path: '/run/netns/box', openPath: '/proc/4242/fd/3' },
  columns: 0,
  errorColumns: 132,
  stdin: '{"cniVersion":"1.0.0"}\0\n',
}

describe('a program call', () => {
  it('comes out as it went in', () => {
    expect(decodeInvocation(encodeInvocation(call))).toEqual(call)
  })

  it('needs no arguments, environment, sandbox or input', () => {
    const { sandbox: _sandbox, ...rest } = call
    const bare: Invocation = { ...rest, argv: [], env: {}, stdin: '' }
    expect(decodeInvocation(encodeInvocation(bare))).toEqual(bare)
  })

  it('is refused where it ends too early, at whatever byte', () => {
    const { length } = encodeInvocation({ ...call, stdin: '' })
    const whole = encodeInvocation(call)
    const read = Array.from({ length }, (_, at) => decodeInvocation(whole.subarray(0, at)))
    expect(read.filter((one) => one !== undefined)).toEqual([])
  })

  it('is refused where it counts more words than it has', () => {
    const words = ['1', 'tsnet', '/', '1:1', '1:2', '7', '', '', '0', '0']
    const made = (count: string): Buffer => Buffer.from([...words, count, 'ls', '0', ''].join('\0'))
    expect(decodeInvocation(made('1'))?.argv).toEqual(['ls'])
    expect(['9', '-1', '99999999999', 'x', '1.5'].map((count) => decodeInvocation(made(count)))).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ])
  })
})
