import { describe, expect, it } from 'vitest'
import { isTsnetError } from '../../../lib/errors/codes.ts'
import { candidates } from '../../../lib/ipam/allocator.ts'
import { resolveSubnets } from '../../../lib/ipam/subnets.ts'
import { contains } from '../../../lib/model/address.ts'
import { parseJson } from '../../../lib/model/json.ts'
import { decodeCreateNetwork, validateCreateNetwork } from '../../../lib/model/networkrequest.ts'
import { decodeSetupRequest, encodeSetupRequest } from '../../../lib/model/request.ts'
import { parseExpose } from '../../../lib/model/specs/expose.ts'
import { formatExpose, formatPublish } from '../../../lib/model/specs/format.ts'
import { combineNetworkFlags, parseNetworkFlag } from '../../../lib/model/specs/network.ts'
import { parsePublish } from '../../../lib/model/specs/publish.ts'
import { validateSetup } from '../../../lib/model/validate.ts'
import { exposeSpec, networkDocument, networkSpec, publishSpec, setupDocument } from './fuzz/grammar.ts'
import { type Random, randomFrom } from './fuzz/random.ts'

const cases = 4_000

/**
 * Runs `use` on generated inputs. Only a TsnetError may come out, with a message, a hint and, but for documents that
 * are no JSON, a field.
 *
 * @returns the share that was accepted, and the inputs that came out as something else
 */
function fuzz<T>(
  seed: number,
  make: (random: Random) => T,
  use: (input: T) => void,
): { accepted: number; crashes: unknown[] } {
  const random = randomFrom(seed)
  const crashes: unknown[] = []
  let accepted = 0
  for (let i = 0; i < cases; i++) {
    const input = make(random)
    try {
      use(input)
      accepted++
    } catch (error) {
      const whole = isTsnetError(error) && error.message !== '' && error.hint !== undefined
      if (!whole || error.kind === 'internal') crashes.push({ input, error })
    }
  }
  return { accepted: accepted / cases, crashes }
}

/** At least a third get past the decoder (decisions 31), and not all: the mistakes are mistakes. */
function expectWorthwhile({ accepted, crashes }: { accepted: number; crashes: unknown[] }): void {
  expect(crashes).toEqual([])
  expect(accepted).toBeGreaterThan(1 / 3)
  expect(accepted).toBeLessThan(0.95)
}

describe('generated input', () => {
  it('of --publish is refused, or written back so that it reads the same', () => {
    const result = fuzz(1, publishSpec, (spec) => {
      const mapping = parsePublish(spec)
      expect(parsePublish(formatPublish(mapping))).toStrictEqual(mapping)
      validateSetup({ ...decodeSetupRequest({ sandbox: '/x' }), publish: [mapping] })
    })
    expectWorthwhile(result)
  })

  it('of --expose is refused, or written back so that it reads the same', () => {
    const result = fuzz(2, exposeSpec, (spec) => {
      const exposed = parseExpose(spec)
      expect(parseExpose(formatExpose(exposed))).toStrictEqual(exposed)
    })
    expectWorthwhile(result)
  })

  it('of --network is refused, or a request that JSON carries unchanged', () => {
    const result = fuzz(3, networkSpec, (spec) => {
      const request = {
        ...decodeSetupRequest({ sandbox: '/x' }),
        ...combineNetworkFlags([parseNetworkFlag(spec)]),
      }
      validateSetup(request)
      expect(decodeSetupRequest(encodeSetupRequest(request))).toStrictEqual(request)
    })
    expectWorthwhile(result)
  })

  it('of a request as JSON is refused, or a valid request that JSON carries unchanged', () => {
    let valid = 0
    const result = fuzz(4, setupDocument, (text) => {
      const request = decodeSetupRequest(parseJson(text, 'request.json'))
      expect(decodeSetupRequest(JSON.parse(JSON.stringify(encodeSetupRequest(request))))).toStrictEqual(
        request,
      )
      try {
        validateSetup(request)
        valid++
      } catch (error) {
        // Past the decoder and refused together: what `networks` and `publish` say twice, or the mode cannot do.
        expect(isTsnetError(error) && ['TSNET_BAD_VALUE', 'TSNET_MODE_MISMATCH'].includes(error.code)).toBe(
          true,
        )
      }
    })
    expectWorthwhile(result)
    expect(valid / cases).toBeGreaterThan(0.1)
  })

  it('of a network as JSON is refused, or has addresses to hand out, all of them its own', () => {
    let resolved = 0
    const result = fuzz(5, networkDocument, (text) => {
      const request = decodeCreateNetwork(parseJson(text, 'network.json'))
      try {
        validateCreateNetwork(request)
        for (const subnet of resolveSubnets(request.subnets)) {
          const first = candidates(subnet, undefined).next().value
          const [gateway, range] = [subnet.gateway, subnet.range ?? subnet.subnet]
          expect(first !== undefined && first !== gateway && contains(range, first)).toBe(true)
          expect(contains(subnet.subnet, gateway)).toBe(true)
        }
        resolved++
      } catch (error) {
        if (!isTsnetError(error) || error.kind === 'internal') throw error
      }
    })
    expectWorthwhile(result)
    expect(resolved / cases).toBeGreaterThan(0.1)
  })
})
