import { describe, expect, it } from 'vitest'
import type { FileStep } from '../../../lib/plan/step.ts'
import {
  overwriting,
  textHolds,
  textTakenBack,
  textWith,
  withTextBefore,
} from '../../../lib/plan/textfile.ts'

const whole: FileStep = {
  kind: 'file',
  where: 'host',
  path: '/x',
  text: '# made by tsnet\nnameserver 10.0.0.1\n',
}
const block: FileStep = { ...whole, text: '10.0.0.2\tweb\n', mark: 'web' }
const made = '# made by tsnet\n'
const marked = '# tsnet begin web\n10.0.0.2\tweb\n# tsnet end web\n'

/** Every state a file can be in when its writer is killed while it overwrites. */
function torn(before: string, done: string): readonly string[] {
  const target = overwriting(before, done)
  return Array.from({ length: target.length + 1 }, (_, n) => target.slice(0, n) + before.slice(n))
}

describe('a file that is ours as a whole', () => {
  it('is planned with what was there, and not at all where it is so already', () => {
    expect([undefined, 'theirs\n', whole.text].map((current) => withTextBefore(whole, current))).toEqual([
      whole,
      { ...whole, before: 'theirs\n' },
      undefined,
    ])
  })

  it('is put back as it was, unless somebody has changed it since', () => {
    const step = { ...whole, before: 'theirs\n' }
    expect(textWith(step, 'theirs\n')).toBe(whole.text)
    expect(textTakenBack(step, whole.text)).toBe('theirs\n')
    expect(textTakenBack(whole, whole.text)).toBeUndefined()
    expect(textTakenBack(step, 'edited\n')).toBe('edited\n')
    expect(textTakenBack(whole, 'edited\n')).toBe('edited\n')
    expect(textTakenBack(step, undefined)).toBeUndefined()
  })

  it('is known in every state a killed writer can leave', () => {
    for (const before of ['', 'x\n', 'a much longer text than the new one has\n'.repeat(3)]) {
      const step = { ...whole, before }
      for (const current of torn(before, whole.text)) expect(textTakenBack(step, current)).toBe(before)
    }
    for (const current of torn('', whole.text)) expect(textTakenBack(whole, current)).toBeUndefined()
  })

  it('holds only as it was written', () => {
    expect([whole.text, `${whole.text}#\n`, undefined].map((text) => textHolds(whole, text))).toEqual([
      true,
      false,
      false,
    ])
  })
})

describe('lines that are ours in a file of others', () => {
  it('stand at the end, on lines of their own', () => {
    expect([undefined, '', 'a\n', 'a'].map((text) => textWith(block, text))).toEqual([
      `${made}${marked}`,
      marked,
      `a\n${marked}`,
      `a\n${marked}`,
    ])
  })

  it('are replaced where they are, and those of others stay', () => {
    const other = marked.replaceAll('web', 'webby')
    const old = marked.replace('10.0.0.2', '10.0.0.9')
    expect(textWith(block, `a\n${other}${old}b\n`)).toBe(`a\n${other}${marked}b\n`)
    expect(textWith(block, `a\n${other}`)).toBe(`a\n${other}${marked}`)
  })

  it('are taken out again, whatever has come around them', () => {
    const cases: readonly (readonly [before: string | undefined, current: string])[] = [
      [undefined, `${made}${marked}`],
      [`${made}others\n`, `${made}${marked}`],
      ['', marked],
      ['a\n', `a\n${marked}`],
      ['a', `a\n${marked}`],
      ['a\n', `a\n${marked}b\n`],
      [undefined, `${made}${marked}b\n`],
      ['a\n', `${marked.trimEnd()}`],
      ['a\n', 'a\n# tsnet begin web\n10.0.0.2\tweb\n'],
      ['a\n', 'all is different\n'],
    ]
    expect(
      cases.map(([before, current]) =>
        textTakenBack(before === undefined ? block : { ...block, before }, current),
      ),
    ).toEqual([undefined, undefined, '', 'a\n', 'a', 'a\nb\n', `${made}b\n`, '', 'a\n', 'all is different\n'])
  })

  it('are known in every state a killed writer can leave', () => {
    for (const before of ['', 'a\n', 'no line feed at the end']) {
      const step = { ...block, before }
      for (const current of torn(before, textWith(step, before))) {
        expect(textTakenBack(step, current)).toBe(before)
      }
    }
  })

  it('of a set-up whose record was lost are replaced and do not count as what was there', () => {
    const stale = `a\n${marked.replace('10.0.0.2', '10.0.0.9')}`
    expect(withTextBefore(block, stale)).toEqual({ ...block, before: 'a\n' })
    expect(textTakenBack({ ...block, before: 'a\n' }, textWith(block, stale))).toBe('a\n')
  })

  it('hold as long as nobody changes them', () => {
    expect(
      [`a\n${marked}b\n`, marked.replace('web\n#', 'web w\n#'), 'a\n'].map((text) => textHolds(block, text)),
    ).toEqual([true, false, false])
  })
})
