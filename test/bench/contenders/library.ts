/**
 * tsnet in this process, as a runtime would link it: `openEngine` of dist/lib.
 *
 * @module
 */
import type { EngineOptions, SetupRequest } from '../../../lib/index.ts'
import { type Box, type Contender, type Cost, type Folders, hostPortOf, timed } from './contender.ts'

type Library = typeof import('../../../lib/index.ts')
type Run = typeof import('../../../lib/kernel/system/run.ts')

export async function openLibrary(
  { root }: Folders,
  firewall: NonNullable<EngineOptions['firewall']>,
): Promise<Contender> {
  const built = `${root}/dist/lib`
  const { decodeCreateNetwork, decodeSetupRequest, openEngine } = (await import(
    `${built}/index.js`
  )) as Library
  const { spawnCount } = (await import(`${built}/kernel/system/run.js`)) as Run
  const engine = await openEngine({ firewall })
  await engine.createNetwork(decodeCreateNetwork(benchNetwork))
  const counted = async (work: () => unknown): Promise<Cost> => {
    const before = spawnCount()
    const { ms } = await timed(work)
    return { ms, processes: spawnCount() - before }
  }
  const request = (box: Box): SetupRequest =>
    decodeSetupRequest({
      sandbox: { pid: box.pid },
      container: { id: containerId(box), name: `c${box.number}` },
      networks: [{ network: benchNetwork.name }],
      publish: [`${hostPortOf(box)}:80`],
    })
  return {
    attach: (box) => {
      const decoded = request(box)
      return counted(() => engine.setup(decoded))
    },
    detach: (box) => counted(() => engine.teardown({ container: containerId(box) })),
    together: {
      attach: (boxes) => {
        const decoded = boxes.map(request)
        return counted(() => Promise.all(decoded.map((one) => engine.setup(one))))
      },
      detach: (boxes) =>
        counted(() => Promise.all(boxes.map((box) => engine.teardown({ container: containerId(box) })))),
    },
    close: () => engine.close(),
  }
}

/** A network that stays, as those of the peers do; the default one would be made and removed each time. */
export const benchNetwork = {
  name: 'bench',
  subnets: ['10.90.0.0/16'],
  ipv6: true,
  options: { dns: false },
} as const

/** As long as those of engines, and like theirs another one from the beginning: whoever pads in front has two alike. */
export function containerId({ number }: Box): string {
  return number.toString(16).padStart(8, '0').padEnd(64, 'c0ffee')
}
