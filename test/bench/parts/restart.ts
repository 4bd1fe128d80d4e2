/**
 * tsnetd is ended, killed and replaced while 1,000 requests a second go through
 * a published port and to the name server, and containers come and go: nobody
 * may notice.
 *
 * @module
 */
import type { DaemonStatus } from '../../../lib/daemon.ts'
import type { Host } from '../../../netns-fixtures/host.ts'
import { needs } from '../../../netns-fixtures/requirements.ts'
import { compilePackets, folders } from '../yard.ts'
import type { Figure, Part, Yard } from './part.ts'

const program = `${folders.scratch}/packets`
const launcher = `${folders.root}/dist/launcher/tsnet`
/** Half of them to the port, half to the name server. */
const perSecond = 1000

export const restart: Part = {
  about: 'restarts of tsnetd under 1,000 requests a second',
  run: async (yard) => {
    needs('dnsperf')
    compilePackets()
    const { lab, quick } = yard
    const seconds = quick ? 4 : 15
    const [host, outside] = [await lab.host('restart'), await lab.host('outside')]
    await lab.wire(host, outside, '198.51.100.0/24', { defaultRoute: 'first' })
    const [server, asker, guest] = [
      await lab.container(host),
      await lab.container(host),
      await lab.container(host),
    ]
    const names = ['network', 'create', 'web', '--subnet', '10.90.0.0/24']
    await host.run([launcher, ...names])
    const setup = (netns: string, id: string, ...flags: string[]) =>
      host.run([
        launcher,
        'setup',
        '--netns',
        netns,
        '--id',
        id,
        '--container-name',
        id,
        '--network',
        'web',
        ...flags,
      ])
    await setup(server.netns, 'server', '-p', '8080:80')
    await setup(asker.netns, 'asker')
    await server.start([program, 'serve', '80']).waitFor('serving')
    await asker.sh("printf 'server A\\nasker A\\n' > /run/questions")
    const half = `${perSecond / 2}`
    const limit = { timeoutMs: (seconds + 30) * 1000 }
    const packets = outside.run([program, 'load', '198.51.100.1', '8080', half, `${seconds}`], limit)
    const words = [
      '-s',
      '10.90.0.1',
      '-d',
      '/run/questions',
      '-l',
      `${seconds}`,
      '-Q',
      half,
      '-c',
      '10',
      '-t',
      '2',
    ]
    const questions = asker.run(['dnsperf', ...words], limit)
    const { restarts, calls, refused } = await disturb(yard, host, { seconds, guest: guest.netns })
    const [sent, failed] = (await packets).stdout.split(' ').map(Number)
    const lost = /Queries lost: +(\d+)/.exec((await questions).stdout)?.[1]
    const asked = /Queries sent: +(\d+)/.exec((await questions).stdout)?.[1]
    await host.tsnet('daemon', 'stop')
    const none = (what: string, value: number, note: string): Figure => {
      return { what, value, unit: '', goal: { atMost: 0 }, note }
    }
    return [
      none(`failed connections, ${restarts} restarts of tsnetd`, Number(failed), `of ${sent}, 500 a second`),
      none('unanswered questions, the same', Number(lost), `of ${asked}, 500 a second`),
      none('failed calls of tsnet, the same', refused, `of ${calls}, one after the other`),
    ]
  },
}

/** Ends it, kills it, starts it anew, over and over, while one container comes and goes. */
async function disturb(
  { tell }: Yard,
  host: Host,
  { seconds, guest }: { readonly seconds: number; readonly guest: string },
): Promise<{ readonly restarts: number; readonly calls: number; readonly refused: number }> {
  const end = performance.now() + (seconds - 1) * 1000
  let [restarts, calls, refused] = [0, 0, 0]
  const come = async (): Promise<void> => {
    while (performance.now() < end) {
      for (const words of [
        ['setup', '--netns', guest, '--id', 'guest', '--network', 'web', '-p', '8081:80'],
        ['teardown', 'guest'],
      ]) {
        const { exitCode } = await host.run([launcher, ...words], { expectExit: 'any', timeoutMs: 30_000 })
        calls++
        if (exitCode !== 0) refused++
      }
    }
  }
  const coming = come()
  while (performance.now() < end) {
    tell(`restart: ${restarts} so far`)
    const { pid } = await host.tsnetJson<DaemonStatus>('daemon', 'start')
    if (restarts % 2 === 0) await host.tsnet('daemon', 'stop')
    else process.kill(pid, 'SIGKILL')
    restarts++
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
  await coming
  return { restarts, calls, refused }
}
