import { describe, expect, it } from 'vitest'
import { createLog, type LogLevel, logLevels } from '../../../lib/daemon/log.ts'

function written(level: LogLevel): readonly Readonly<Record<string, unknown>>[] {
  const lines: string[] = []
  const log = createLog(level, (line) => lines.push(line))
  for (const at of logLevels) log.write(at, 'tsnet setup', { code: 0, ms: 4.2, nothing: undefined })
  expect(lines.every((line) => line.endsWith('\n') && line.indexOf('\n') === line.length - 1)).toBe(true)
  return lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
}

describe('the log of the daemon', () => {
  it('has what is as grave as its level, and worse', () => {
    expect(logLevels.map((level) => written(level).map((line) => line['level']))).toEqual([
      ['error'],
      ['error', 'warn'],
      ['error', 'warn', 'info'],
      ['error', 'warn', 'info', 'debug'],
    ])
  })

  it('is one JSON object a line, with the time, and without what is not known', () => {
    const [line] = written('error')
    expect(line).toEqual({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      level: 'error',
      text: 'tsnet setup',
      code: 0,
      ms: 4.2,
    })
  })
})
