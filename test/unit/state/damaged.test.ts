/**
 * Small files beside the records, damaged: kept aside or left as they are, as
 * the room's README says, and whoever needs one is told its path and the way out.
 *
 * @module
 */
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { dockerStatus, readMark } from '../../../lib/daemon/dockerinstall.ts'
import { type Ledger, ledger } from '../../../lib/state/ledger.ts'
import { type NameRoute, nameRoutes } from '../../../lib/state/nameroutes.ts'
import { statePaths } from '../../../lib/state/paths.ts'
import { documentFault } from '../../../lib/state/shapes.ts'
import { damage } from './damage.ts'

let stateDir = ''
let said: string[] = []
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'tsnet-small-'))
  said = []
})
afterEach(() => rmSync(stateDir, { recursive: true, force: true }))

const warn = (text: string): void => void said.push(text)
const ways = Object.keys(damage)
const hurt = (path: string, how: string): void => damage[how]?.(path, readFileSync(path, 'utf8'))

const unreadable = (path: string, hint: RegExp) => ({
  code: 'TSNET_STATE_UNREADABLE',
  message: expect.stringContaining(`reading ${path}: `),
  hint: expect.stringMatching(hint),
})

/** The same one, unchanged. */
function whatLies(path: string): readonly number[] {
  const { ino, mode, mtimeMs, size } = lstatSync(path)
  return [ino, mode, mtimeMs, size]
}

function thrown(work: () => unknown): unknown {
  try {
    return { returned: work() }
  } catch (error) {
    const { code, message, hint } = error as { code: string; message: string; hint: string }
    return { code, message, hint }
  }
}

// An empty list of them is no damage.
describe.each(ways.filter((how) => how !== 'another document'))('routes of names, %s', (how) => {
  const routes = [{ domain: 'corp.test', servers: ['10.0.0.1'] }] as unknown as readonly NameRoute[]

  it('stay as they are: names are forwarded without them, and whoever sets some is refused', () => {
    const path = `${stateDir}/dns-routes.json`
    const open = () => nameRoutes(statePaths(stateDir), warn)
    open().replace(routes)
    hurt(path, how)
    const before = whatLies(path)
    expect(open().usable()).toEqual([])
    expect(said).toEqual([expect.stringMatching(/names are forwarded without its routes$/)])
    expect(thrown(() => open().list())).toEqual(
      unreadable(path, /^mend \S+, or remove it and set the routes again with "tsnet dns route"$/),
    )
    expect(whatLies(path)).toEqual(before)
    // The way out.
    rmSync(path, { recursive: true })
    open().replace(routes)
    expect(open().list()).toEqual(routes)
  })
})

it.each(ways)('the mark of Docker’s driver %s: it stays, and its error says the way out', async (how) => {
  const path = `${stateDir}/docker.json`
  writeFileSync(path, '{"socket":"/run/docker/plugins/tsnet.sock"}')
  expect(readMark(stateDir)).toEqual({ socket: '/run/docker/plugins/tsnet.sock' })
  hurt(path, how)
  const before = whatLies(path)
  const expected = unreadable(path, /^remove \S+ and run "tsnet docker install" again$/)
  expect(thrown(() => readMark(stateDir))).toEqual(expected)
  await expect(dockerStatus(stateDir)).rejects.toMatchObject(expected)
  expect(whatLies(path)).toEqual(before)
  rmSync(path, { recursive: true })
  expect(readMark(stateDir)).toBeUndefined()
})

describe('a document of the ledger', () => {
  interface Told {
    readonly createdAt: string
  }
  const told: Told = { createdAt: '2026-11-22T00:00:00.000Z' }
  let folder: string
  let documents: Ledger<Told>
  beforeEach(() => {
    folder = `${stateDir}/docker/networks`
    documents = ledger(folder, documentFault, warn)
    documents.put('one', told)
    documents.put('two', told)
  })

  it.each(ways)('that is %s: kept aside, said once, and the others go on', (how) => {
    hurt(`${folder}/one.json`, how)
    expect([documents.get('one'), documents.get('two'), documents.get('one')]).toEqual([
      undefined,
      told,
      undefined,
    ])
    expect(documents.keys()).toEqual(['two'])
    expect(said).toEqual([expect.stringContaining(`it is kept as ${folder}/one.json.unreadable`)])
    documents.put('one', told)
    expect(documents.get('one')).toEqual(told)
  })

  it.each(ways)('that is %s: removed without a look', (how) => {
    hurt(`${folder}/one.json`, how)
    documents.remove('one')
    expect(documents.keys()).toEqual(['two'])
  })

  it.each(ways.flatMap((first) => ['cut to nothing', 'a folder'].map((then) => [first, then] as const)))(
    'that is %s, and once more %s: the later one is kept',
    (first, then) => {
      for (const how of [first, then]) {
        documents.put('one', told)
        hurt(`${folder}/one.json`, how)
        // Somebody has put something there.
        if (how === 'a folder') mkdirSync(`${folder}/one.json/sub`)
        expect(documents.get('one')).toBeUndefined()
      }
      expect(readdirSync(folder)).toEqual(['one.json.unreadable', 'two.json'])
      expect(lstatSync(`${folder}/one.json.unreadable`).isDirectory()).toBe(then === 'a folder')
    },
  )
})
