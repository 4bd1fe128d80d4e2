/**
 * nft scripts and complaints, read without nft.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import {
  elementsOf,
  failuresIn,
  isGone,
  numbered,
  statementAt,
  statementsOf,
} from '../../../lib/kernel/rules/nft-script.ts'

const script = `# a comment
add table inet tsnet

add set inet tsnet bridges {
  type ifname
  comment "a } brace"
}
add element inet tsnet bridges { "br-a" comment "tsnet:{a" }
`

describe('statements of an nft script', () => {
  it('are one a line, or in braces over several, each with its first line', () => {
    expect(statementsOf(script)).toEqual([
      { line: 2, text: 'add table inet tsnet' },
      { line: 4, text: 'add set inet tsnet bridges {\n  type ifname\n  comment "a } brace"\n}' },
      { line: 8, text: 'add element inet tsnet bridges { "br-a" comment "tsnet:{a" }' },
    ])
  })

  it('are found again by a line of their joined text', () => {
    const statements = statementsOf(script)
    expect([1, 2, 3, 5, 6, 7].map((line) => statementAt(statements, line))).toEqual([
      0,
      1,
      1,
      1,
      2,
      undefined,
    ])
  })

  it('that never end are one statement', () => {
    expect(statementsOf('add set inet tsnet x {\n type ifname')).toEqual([
      { line: 1, text: 'add set inet tsnet x {\n type ifname' },
    ])
  })
})

describe('complaints of nft', () => {
  it.each([
    [
      '/proc/self/fd/19:3:31-38: Error: Could not process rule: No such file or directory\ndelete element …\n   ^^^^\n',
      [{ line: 3, message: 'Could not process rule: No such file or directory' }],
      true,
    ],
    [
      '/dev/stdin:1:26-30: Error: No such file or directory; did you mean map ‘vm’ in table inet ‘tsnet’?\n',
      [{ line: 1, message: 'No such file or directory; did you mean map ‘vm’ in table inet ‘tsnet’?' }],
      true,
    ],
    ['Error: element does not exist\n', [{ line: undefined, message: 'element does not exist' }], true],
    [
      '/dev/stdin:2:1-9: Error: Could not process rule: File exists\n',
      [{ line: 2, message: 'Could not process rule: File exists' }],
      false,
    ],
    [
      'netlink: Error: cache initialization failed: Operation not permitted\n',
      [{ line: undefined, message: 'cache initialization failed: Operation not permitted' }],
      false,
    ],
    ['# Warning: table ip nat is managed by iptables-nft, do not touch!\n', [], false],
  ])('%s', (text, failures, gone) => {
    expect(failuresIn(text)).toEqual(failures)
    expect(failures.length > 0 && failures.every(isGone)).toBe(gone)
  })
})

describe('elements between braces', () => {
  it.each([
    ['{ "br-a" }', [{ key: '"br-a"', value: undefined }]],
    [
      '{ tcp . 80 comment "tsnet:a, b : c" : 10.0.0.2 . 8080, udp . 53 : 10.0.0.2 . 53 }',
      [
        { key: 'tcp . 80', value: '10.0.0.2 . 8080', comment: 'tsnet:a, b : c' },
        { key: 'udp . 53', value: '10.0.0.2 . 53' },
      ],
    ],
    ['{ tcp . 80 : fd00::2 . 80 }', [{ key: 'tcp . 80', value: 'fd00::2 . 80' }]],
    ['{ fd00::1 . tcp . 80 : fd00::2 . 80 }', [{ key: 'fd00::1 . tcp . 80', value: 'fd00::2 . 80' }]],
    [
      '{ a,\n\t\t b }',
      [
        { key: 'a', value: undefined },
        { key: 'b', value: undefined },
      ],
    ],
    ['{ }', []],
  ])('%s', (text, elements) => {
    expect(elementsOf(text)).toEqual(elements)
  })
})

it('a numbered script has its numbers in a column', () => {
  expect(
    numbered(`${'x\n'.repeat(10)}`)
      .split('\n')
      .slice(8),
  ).toEqual([' 9  x', '10  x'])
})
