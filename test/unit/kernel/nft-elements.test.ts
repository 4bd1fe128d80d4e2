/**
 * Which scripts are carried out without libnftables, and what they mean in bytes.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { elementChangesIn } from '../../../lib/kernel/rules/nft-elements.ts'

const bytes = (hex: string): Uint8Array => Buffer.from(hex.replaceAll(' ', ''), 'hex')
const table = { family: 'inet', name: 'tsnet' }

describe('a script of single published ports', () => {
  it('is read line by line, each part of a concatenation at four bytes', () => {
    expect(
      elementChangesIn(
        'add element inet tsnet ports4 { tcp . 8080 comment "tsnet:box/eth0" : 10.7.0.2 . 80 }\n' +
          'add element inet tsnet ports6_at { 2001:db8::1 . udp . 53 : fd00::2 . 5353 }\n',
      ),
    ).toEqual([
      {
        action: 'add',
        table,
        set: 'ports4',
        key: bytes('06 000000 1f90 0000'),
        value: bytes('0a070002 0050 0000'),
        comment: 'tsnet:box/eth0',
      },
      {
        action: 'add',
        table,
        set: 'ports6_at',
        key: bytes('20010db8000000000000000000000001 11 000000 0035 0000'),
        value: bytes('fd000000000000000000000000000002 14e9 0000'),
      },
    ])
  })

  it('deletes by key', () => {
    expect(elementChangesIn('delete element inet tsnet ports4_at { 192.0.2.1 . sctp . 1 }\n')).toEqual([
      { action: 'delete', table, set: 'ports4_at', key: bytes('c0000201 84 000000 0001 0000') },
    ])
  })
})

describe('left to libnftables is', () => {
  it.each([
    ['nothing at all', ''],
    ['a range', 'add element inet tsnet ranges4 { tcp . 8000-8999 : 10.7.0.2 }'],
    ['a prefix', 'add element inet tsnet masquerade4 { 10.7.0.0/24 comment "x" }'],
    ['an element of a set', 'add element inet tsnet bridges { "br-web" }'],
    ['one without a value', 'add element inet tsnet ports4 { tcp . 80 }'],
    ['a delete with a value', 'delete element inet tsnet ports4 { tcp . 80 : 10.7.0.2 . 80 }'],
    ['several in one statement', 'delete element inet tsnet ports4 { tcp . 80, tcp . 81 }'],
    ['a port that is none', 'delete element inet tsnet ports4 { tcp . 65536 }'],
    ['an address that is none', 'delete element inet tsnet ports4_at { 10.7.0 . tcp . 80 }'],
    ['a comment with an escape', 'add element inet tsnet ports4 { tcp . 1 comment "a\\" : 10.7.0.2 . 1 }'],
    [
      'a comment nft would refuse',
      `add element inet tsnet ports4 { tcp . 1 comment "${'x'.repeat(128)}" : 10.7.0.2 . 1 }`,
    ],
    ['another family', 'delete element bridge tsnet ports4 { tcp . 80 }'],
    ['one other statement among them', 'delete element inet tsnet ports4 { tcp . 80 }\nflush ruleset'],
    [
      'more than all ports of both families',
      'delete element inet tsnet ports4 { tcp . 80 }\n'.repeat(131_073),
    ],
  ])('%s', (_, script) => {
    expect(elementChangesIn(script)).toBeUndefined()
  })
})
