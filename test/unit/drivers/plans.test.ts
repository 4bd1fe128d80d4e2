/**
 * What the drivers decide, as the script a person would run.
 *
 * @module
 */
import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { script } from '../../../lib/plan/describe.ts'
import { goldenPlans } from '../../golden/plans.ts'

const golden = (name: string): string => new URL(`../../golden/plans/${name}.txt`, import.meta.url).pathname
const sandboxPath = '/proc/4242/ns/net'

describe('golden plans', () => {
  it.each(goldenPlans)('$name: $about', async ({ name, about, plan }) => {
    const text = [
      `# ${about}`,
      '',
      '# forth',
      script(plan.steps, { sandboxPath }),
      '# and back',
      script(plan.steps, { sandboxPath, direction: 'remove' }),
    ].join('\n')
    await expect(text).toMatchFileSnapshot(golden(name))
  })

  it('have one file each and no file more', () => {
    const files = readdirSync(new URL('../../golden/plans/', import.meta.url))
    expect(files.sort()).toEqual(goldenPlans.map(({ name }) => `${name}.txt`).sort())
  })
})
