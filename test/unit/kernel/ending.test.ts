/**
 * The end of a process of ours does not wait for threads of Node's.
 *
 * @module
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const ending = new URL('../../../lib/kernel/system/ending.ts', import.meta.url).href
const packages = fileURLToPath(new URL('../../../node_modules', import.meta.url))
const sockets = new URL('../../../lib/kernel/system/sockets.ts', import.meta.url).href

describe('a process of ours', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tsnet-ending-'))
    symlinkSync(packages, join(folder, 'node_modules'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('ends with its code, its listeners heard, though one of Node’s threads waits for ever', async () => {
    const fifo = join(folder, 'fifo')
    expect(spawnSync('mkfifo', [fifo]).status).toBe(0)
    const child = start(
      folder,
      `
      import { open, writeSync } from 'node:fs'
      import { setTimeout as sleep } from 'node:timers/promises'
      import { endProcess } from '${ending}'
      import { netnsCookie } from '${sockets}'
      netnsCookie()
      open('${fifo}', 'r', () => undefined)
      process.on('exit', (code) => writeSync(1, 'listened to ' + code))
      await sleep(100)
      endProcess(7)
    `,
    )
    expect(await child).toEqual({ code: 7, output: 'listened to 7' })
  })

  it('ends with what it was started for, also where that throws', async () => {
    const does = (what: string): string => `
      import { endWith } from '${ending}'
      endWith((async () => { ${what} })())
    `
    expect(await start(folder, does('return 5'))).toEqual({ code: 5, output: '' })
    const { code, output } = await start(folder, does("throw new Error('why')"))
    expect([code, output.split('\n')[0]]).toEqual([1, 'Error: why'])
  })
})

/** As a program is started: without flags of Node's, with which it would end in Node's own way. */
function start(folder: string, text: string): Promise<{ readonly code: unknown; readonly output: string }> {
  const [body, main] = [join(folder, 'body.mts'), join(folder, 'main.mjs')]
  writeFileSync(body, text)
  writeFileSync(main, `import { register } from 'tsx/esm/api'; register(); await import('${body}')`)
  const { NODE_OPTIONS: _, NODE_V8_COVERAGE: __, ...env } = process.env
  const child = spawn(process.execPath, [main], { timeout: 120_000, env })
  const parts: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => parts.push(part))
  return once(child, 'close').then(([code]) => ({ code, output: Buffer.concat(parts).toString() }))
}
