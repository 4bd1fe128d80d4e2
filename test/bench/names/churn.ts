/**
 * Containers come and go while a neighbour asks for names, theirs among them,
 * over UDP and TCP; dnsperf never repeats a question.
 *
 * @module
 */
import type { Container, Host } from '../../../netns-fixtures/host.ts'
import type { Lab } from '../../../netns-fixtures/lab.ts'
import { figure } from './load.ts'

export interface Churned {
  readonly seconds: number
  readonly sent: number
  readonly lost: number
}

/** Each way. */
const perSecond = 5000
const atOnce = 4
const gateway = '10.98.0.1'

export async function churn(lab: Lab, count: number): Promise<Churned> {
  const host = await lab.host('churn')
  const asker = await lab.container(host)
  await host.tsnet('network', 'create', 'bench', '--subnet', '10.98.0.0/16')
  await setUp(host, asker, 'asker')
  const others = Array.from({ length: count }, (_, i) => `c${i}.bench A\n`).join('')
  await host.sh('cat > /run/questions', { stdin: `asker A\nasker AAAA\nnosuch.bench A\n${others}` })
  const boxes = await Promise.all(Array.from({ length: count }, () => lab.container(host)))
  const queue = [...boxes.entries()]
  let done = false
  const began = performance.now()
  const asking = (['udp', 'tcp'] as const).map((mode) => ask(asker, mode, () => done))
  const work = async (): Promise<void> => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      const [i, box] = next
      await setUp(host, box, `c${i}`)
      await host.tsnet('teardown', `c${i}`, { timeoutMs: 60_000 })
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work)).finally(() => {
    done = true
  })
  const seconds = (performance.now() - began) / 1000
  const [udp, tcp] = (await Promise.all(asking)) as [Counts, Counts]
  return { seconds, sent: udp.sent + tcp.sent, lost: udp.lost + tcp.lost }
}

function setUp(host: Host, { netns }: Container, name: string): Promise<unknown> {
  const flags = ['--netns', netns, '--id', name, '--container-name', name, '--network', 'bench']
  return host.tsnet('setup', ...flags, '--firewall', 'nftables', { timeoutMs: 60_000 })
}

interface Counts {
  readonly sent: number
  readonly lost: number
}

/** Runs of a few seconds, until all containers have gone again. */
async function ask(asker: Container, mode: 'udp' | 'tcp', isDone: () => boolean): Promise<Counts> {
  let [sent, lost] = [0, 0]
  while (!isDone()) {
    const where = ['-m', mode, '-s', gateway, '-d', '/run/questions']
    const how = ['-l', '5', '-Q', `${perSecond}`, '-c', '20', '-t', '5']
    const { stdout } = await asker.run(['dnsperf', ...where, ...how], { timeoutMs: 60_000 })
    sent += figure(stdout, 'sent')
    lost += figure(stdout, 'lost')
  }
  return { sent, lost }
}
