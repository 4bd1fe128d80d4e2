/**
 * iptables-restore texts and complaints, read without iptables.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { savedChain } from '../../../lib/kernel/rules/foreign.ts'
import {
  atCommit,
  checksFor,
  commandsOf,
  failedLine,
  isLockBusy,
  makesOnlyChains,
  makingAt,
  mergedRestore,
  removalOf,
  saysGone,
  wordsOf,
} from '../../../lib/kernel/rules/restore-text.ts'

const add = `*nat
:TSNET-DNAT - [0:0]
-I PREROUTING 1 -m comment --comment "tsnet:base" -j TSNET-DNAT
-A TSNET-DNAT -p tcp -m tcp --dport 80 -m comment --comment "tsnet:a b" -j DNAT --to-destination 10.0.0.2:80
COMMIT
*filter
-N TSNET-USER
-I FORWARD -j TSNET-USER
COMMIT
`

describe('a restore text', () => {
  it('is merged with others into one commit for each table', () => {
    const other = '*filter\n-A TSNET-OUT -j ACCEPT\nCOMMIT\n*nat\n-A TSNET-DNAT -j RETURN\nCOMMIT\n'
    expect(mergedRestore([other, add])).toBe(`*filter
-A TSNET-OUT -j ACCEPT
-N TSNET-USER
-I FORWARD -j TSNET-USER
COMMIT
*nat
-A TSNET-DNAT -j RETURN
:TSNET-DNAT - [0:0]
-I PREROUTING 1 -m comment --comment "tsnet:base" -j TSNET-DNAT
-A TSNET-DNAT -p tcp -m tcp --dport 80 -m comment --comment "tsnet:a b" -j DNAT --to-destination 10.0.0.2:80
COMMIT
`)
  })

  it('is commands with their table and line', () => {
    expect(commandsOf(add).map(({ table, line }) => `${table} ${line}`)).toEqual([
      'nat 2',
      'nat 3',
      'nat 4',
      'filter 7',
      'filter 8',
    ])
  })

  it('whose chain is there already goes on without making it, and without the tables before', () => {
    expect(makingAt(add, 7)).toEqual({
      making: '*filter\n-N TSNET-USER\nCOMMIT\n',
      rest: '*filter\n-I FORWARD -j TSNET-USER\nCOMMIT\n',
    })
    expect([2, 3, 6, 9, undefined].map((line) => makingAt(add, line))).toEqual(Array(5).fill(undefined))
  })

  it('becomes one that checks for all it makes', () => {
    expect(checksFor(add)).toBe(`*nat
-S TSNET-DNAT
-C PREROUTING -m comment --comment "tsnet:base" -j TSNET-DNAT
-C TSNET-DNAT -p tcp -m tcp --dport 80 -m comment --comment "tsnet:a b" -j DNAT --to-destination 10.0.0.2:80
COMMIT
*filter
-S TSNET-USER
-C FORWARD -j TSNET-USER
COMMIT
`)
  })

  it('that removes is carried out command by command, making nothing', () => {
    const remove =
      '*nat\n-D PREROUTING -m comment --comment "a \\"b\\" c" -j X\n:X - [0:0]\n-X X\n-N Y\nCOMMIT\n'
    expect(commandsOf(remove).map(removalOf)).toEqual([
      ['-t', 'nat', '-D', 'PREROUTING', '-m', 'comment', '--comment', 'a "b" c', '-j', 'X'],
      ['-t', 'nat', '-F', 'X'],
      ['-t', 'nat', '-X', 'X'],
      undefined,
    ])
  })

  it.each([
    ['*filter\n-N TSNET-USER\nCOMMIT\n', true],
    ['*filter\n:TSNET-USER - [0:0]\nCOMMIT\n', false],
    ['*filter\n-N TSNET-USER\n-A FORWARD -j TSNET-USER\nCOMMIT\n', false],
  ])('%s makes chains and nothing else: %s', (text, only) => {
    expect(makesOnlyChains(text)).toBe(only)
  })

  it.each([
    ['-A X -s 10.0.0.0/24', ['-A', 'X', '-s', '10.0.0.0/24']],
    ['-A X --comment "a b"', ['-A', 'X', '--comment', 'a b']],
    ['-A X --comment a\\ b', ['-A', 'X', '--comment', 'a b']],
    ['-A X ! -i lo', ['-A', 'X', '!', '-i', 'lo']],
  ])('%s is split into words', (command, words) => {
    expect(wordsOf(command)).toEqual(words)
  })
})

describe('what iptables 1.8.9 says', () => {
  it.each([
    ['iptables: Bad rule (does a matching rule exist in that chain?).', true],
    ['iptables: No chain/target/match by that name.', true],
    ["iptables v1.8.9 (nf_tables): Chain 'NOPE' does not exist\nTry `iptables -h'", true],
    ["iptables v1.8.9 (legacy): Couldn't load target `NOPE':No such file or directory", true],
    ["iptables v1.8.9 (legacy): goto 'TSNET-POST-tsnet0' is not a chain", true],
    ['iptables v1.8.9 (nf_tables):  CHAIN_DEL failed (Device or resource busy): chain TSNET-A', false],
    ['iptables: Too many links.', false],
    ['iptables-nft-restore v1.8.9 (nf_tables): unknown option "--dprt"', false],
  ])('%s means gone: %s', (text, gone) => {
    expect(saysGone(text)).toBe(gone)
  })

  it.each([
    ['iptables-restore: line 3 failed', 3],
    ['iptables-restore v1.8.9 (nf_tables): \nline 2: CHAIN_DEL failed (Device or resource busy): chain X', 2],
    ['unknown option "--dprt"\nError occurred at line: 12\nTry', 12],
    ['iptables: Too many links.', undefined],
  ])('%s is about line %s', (text, line) => {
    expect(failedLine(text)).toBe(line)
  })

  it.each([
    [6, { table: [4, 5, 6], again: [4, 5, 6, 7, 8, 9], later: [7, 8, 9] }],
    [9, { table: [7, 8, 9], again: [7, 8, 9], later: [] }],
    [5, undefined],
    [undefined, undefined],
  ])('what is left of a text that fails at line %s keeps its line numbers', (line, left) => {
    const text = ['nat', 'mangle', 'filter'].map((table) => `*${table}\n-A ONE -j ACCEPT\nCOMMIT\n`).join('')
    const only = (numbers: readonly number[]): string =>
      text
        .split('\n')
        .map((one, i) => (numbers.includes(i + 1) ? one : ''))
        .join('\n')
    const { table, again, later } = left ?? {}
    expect(atCommit(text, line)).toEqual(
      left && { table: only(table ?? []), again: only(again ?? []), later: only(later ?? []) },
    )
  })

  it('that the lock is busy is recognised', () => {
    expect(isLockBusy('Another app is currently holding the xtables lock. Stopped waiting after 1s.')).toBe(
      true,
    )
    expect(isLockBusy('iptables: Resource temporarily unavailable.')).toBe(false)
  })
})

it('a chain of iptables-save is its policy and where its rules lead', () => {
  const saved = `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [12:34]
:A - [0:0]
-A FORWARD -m comment --comment "x -j DROP" -j A
-A FORWARD -i eth0 -g B
-A FORWARD -j REJECT --reject-with icmp-port-unreachable
-A FORWARD -s 192.0.2.1/32
COMMIT
`
  expect(savedChain(saved, 'FORWARD')).toEqual({
    policyDrops: true,
    rules: [
      { drops: false, to: 'A' },
      { drops: false, to: 'B' },
      { drops: true, to: 'REJECT' },
      { drops: false, to: undefined },
    ],
  })
  expect(savedChain(saved, 'A')).toEqual({ policyDrops: false, rules: [] })
  expect(savedChain(saved, 'B')).toBeUndefined()
})
