import { describe, expect, it } from 'vitest'
import { parseAddHost } from '../../../../lib/model/specs/addhost.ts'
import { parseKeyValues } from '../../../../lib/model/specs/keyvalue.ts'
import { readSandbox } from '../../../../lib/model/specs/sandbox.ts'
import { faultLines } from '../fault.ts'

describe('--add-host', () => {
  it('takes a colon or an equals sign, brackets, and host-gateway', () => {
    const flags = ['db:10.0.0.1', 'db=10.0.0.1', 'db:fd00::1', 'db:[FD00::1]', 'me.local:host-gateway']
    expect(flags.map((flag) => parseAddHost(flag))).toEqual([
      { name: 'db', address: '10.0.0.1' },
      { name: 'db', address: '10.0.0.1' },
      { name: 'db', address: 'fd00::1' },
      { name: 'db', address: 'fd00::1' },
      { name: 'me.local', address: 'host-gateway' },
    ])
  })

  it('refuses what is no name and address', () => {
    expect(
      faultLines(['db', 'db:', ':10.0.0.1', 'a b:10.0.0.1', 'db:host'], parseAddHost),
    ).toMatchInlineSnapshot(`
      [
        "TSNET_BAD_VALUE reading --add-host: "db" has a name and no address; write NAME:IP, or NAME:host-gateway",
        "TSNET_BAD_VALUE reading --add-host: "" is no IP address; write four decimal numbers such as 10.89.0.2, or IPv6 such as fd00::2",
        "TSNET_BAD_VALUE reading --add-host: "" is no host name; use labels of at most 63 letters, digits, "-" and "_", joined by "."",
        "TSNET_BAD_VALUE reading --add-host: "a b" is no host name; use labels of at most 63 letters, digits, "-" and "_", joined by "."",
        "TSNET_BAD_VALUE reading --add-host: "host" is no IP address; write four decimal numbers such as 10.89.0.2, or IPv6 such as fd00::2",
      ]
    `)
  })
})

describe('KEY=VALUE flags', () => {
  it('make a record whose last value wins, and any key is only a key', () => {
    const record = parseKeyValues(['a=1', 'b=x=y', 'c', 'a=2', '__proto__=z'], {
      field: '--label',
      bare: 'empty',
    })
    expect(Object.entries(record)).toEqual([
      ['a', '2'],
      ['b', 'x=y'],
      ['c', ''],
      ['__proto__', 'z'],
    ])
  })

  it('without a key, or without a needed value, are refused', () => {
    const parse = (text: string): unknown => parseKeyValues([text], { field: '-o', bare: 'refuse' })
    expect(faultLines(['mtu', '=1', ''], parse)).toMatchInlineSnapshot(`
      [
        "TSNET_BAD_VALUE reading -o: "mtu" has no value; write KEY=VALUE",
        "TSNET_BAD_VALUE reading -o: "=1" has no key; write KEY=VALUE",
        "TSNET_BAD_VALUE reading -o: "" has no key; write KEY=VALUE",
      ]
    `)
  })
})

describe('a sandbox', () => {
  it('is said by path, pid or name', () => {
    expect(
      [{ path: '/proc/1/ns/net' }, { pid: 42 }, { pid: '42' }, { name: 'blue' }].map((s) => readSandbox(s)),
    ).toEqual([
      { path: '/proc/1/ns/net' },
      { path: '/proc/42/ns/net' },
      { path: '/proc/42/ns/net' },
      { path: '/run/netns/blue' },
    ])
  })

  it('is refused where none, several or impossible ones are given', () => {
    const specs = [
      {},
      { path: '/a', pid: 1 },
      { path: 'a' },
      { pid: 0 },
      { pid: '-1' },
      { pid: 1.5 },
      { name: '..' },
      { name: 'a/b' },
    ]
    const parse = (text: string): unknown => readSandbox(JSON.parse(text))
    expect(
      faultLines(
        specs.map((spec) => JSON.stringify(spec)),
        parse,
      ),
    ).toMatchInlineSnapshot(`
      [
        "TSNET_BAD_VALUE reading --netns: no namespace is given; give one of a path such as /proc/PID/ns/net, a pid, or a name below /run/netns",
        "TSNET_BAD_VALUE reading --netns: a namespace is given in several ways; give one of a path such as /proc/PID/ns/net, a pid, or a name below /run/netns",
        "TSNET_BAD_VALUE reading --netns: "a" is no absolute path; give one of a path such as /proc/PID/ns/net, a pid, or a name below /run/netns",
        "TSNET_BAD_VALUE reading --netns: "0" is no pid; give one of a path such as /proc/PID/ns/net, a pid, or a name below /run/netns",
        "TSNET_BAD_VALUE reading --netns: "-1" is no pid; give one of a path such as /proc/PID/ns/net, a pid, or a name below /run/netns",
        "TSNET_BAD_VALUE reading --netns: "1.5" is no pid; give one of a path such as /proc/PID/ns/net, a pid, or a name below /run/netns",
        "TSNET_BAD_VALUE reading --netns: ".." is no name of a namespace; give one of a path such as /proc/PID/ns/net, a pid, or a name below /run/netns",
        "TSNET_BAD_VALUE reading --netns: "a/b" is no name of a namespace; give one of a path such as /proc/PID/ns/net, a pid, or a name below /run/netns",
      ]
    `)
  })
})
