import { describe, expect, it } from 'vitest'
import { decodeError, encodeError } from '../../../lib/daemon/api.ts'
import { fail } from '../../../lib/errors/codes.ts'
import { TsnetError } from '../../../lib/errors/error.ts'

const sent = (error: TsnetError): TsnetError =>
  decodeError(JSON.parse(JSON.stringify(encodeError(error))) as ReturnType<typeof encodeError>)

describe('an error from the daemon', () => {
  it('is the same error here, with what lies beneath and what was not taken back', () => {
    const cause = new Error('no such device', { cause: new TypeError('x') })
    const error = fail('TSNET_PORT_IN_USE', {
      ...{ message: 'publishing 8080: taken', field: 'publish[0]', value: { port: 8080 } },
      ...{ hint: 'ss -ltnp', cause },
    })
    error.undo.push(new Error('a link is left'))
    const arrived = sent(error)
    expect(arrived).toBeInstanceOf(TsnetError)
    expect(arrived.toJSON()).toEqual(error.toJSON())
    const beneath = arrived.cause as Error
    expect([beneath.message, (beneath.cause as Error).message]).toEqual(['no such device', 'x'])
  })

  it('may be as bare as an error can be', () => {
    const error = fail('TSNET_INTERNAL', { message: 'a fault' })
    expect(sent(error).toJSON()).toEqual(error.toJSON())
    expect(sent(error).cause).toBe(undefined)
  })
})
