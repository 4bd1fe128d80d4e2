/**
 * `node --import tsx test/bench/dns.ts [--quick]`: names per second beside
 * dnsmasq and Debian's aardvark-dns, in one run, asked for by dnsperf.
 *
 * All servers know the same names and live in one throwaway host, each on its
 * own address and, but for the last part, on one core; dnsperf has the other.
 * Rounds are interleaved. With two cores the part with all cores shares them
 * with dnsperf, so it says little more than that nothing is lost by it.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus } from 'node:os'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import { needs } from '../../netns-fixtures/requirements.ts'

const quick = process.argv.includes('--quick')
const rounds = quick ? 2 : 7
const seconds = quick ? 1 : 3
const names = 200
const addresses = {
  tsnet: '10.99.0.1',
  dnsmasq: '10.99.0.2',
  aardvark: '10.99.0.3',
  many: '10.99.0.4',
  workers: '10.99.0.5',
}
const peers = ['tsnet', 'dnsmasq', 'aardvark'] as const

interface Load {
  readonly perSecond: number
  /** Answers for each second of processor time the server had: its own limit, where dnsperf is the slower one. */
  readonly perCpuSecond: number
  readonly lost: number
}

const middle = (all: readonly number[]): number =>
  [...all].sort((a, b) => a - b)[all.length >> 1] ?? Number.NaN
const round3 = (count: number): string => (Math.round(count / 1000) * 1000).toLocaleString('en')
const say = (line: string): boolean => process.stdout.write(`${line}\n`)

async function startTsnet(
  host: Host,
  address: string,
  options: { names: number; workers: number },
): Promise<{ changesMs: number[]; residentMb: number[]; pids: number[] }> {
  const loader = createRequire(import.meta.url).resolve('tsx')
  const file = `${repository}test/bench/nameserver.ts`
  const words = [address, `${options.names}`, `${options.workers}`, `/run/bench-${address}.sock`]
  const { stdout } = await host.run([process.execPath, '--import', loader, file, ...words], {
    timeoutMs: 120_000,
  })
  return JSON.parse(stdout) as { changesMs: number[]; residentMb: number[]; pids: number[] }
}

async function prepare(host: Host): Promise<void> {
  const all = Object.values(addresses).map((address) => `ip addr add ${address}/16 dev b0`)
  await host.sh(
    `ip link add b0 type bridge && ip link set b0 up && ${all.join(' && ')} && mkdir -p /run/aardvark`,
  )
  const ids = Array.from({ length: names }, (_, i) => i)
  const write = (file: string, text: string): Promise<unknown> => host.sh(`cat > ${file}`, { stdin: text })
  await write('/run/questions', ids.map((i) => `n${i} A\n`).join(''))
  await write('/run/hosts', ids.map((i) => `10.99.1.${i} n${i}\n`).join(''))
  await write(
    '/run/aardvark/bench',
    `${addresses.aardvark}\n${ids.map((i) => `${i} 10.99.1.${i}  n${i}\n`).join('')}`,
  )
  await startTsnet(host, addresses.tsnet, { names, workers: 1 })
  const quiet = ['-k', '-h', '-R', '-n', '-z', '-C', '/dev/null', '--user=root', '--pid-file=']
  host.start(['dnsmasq', ...quiet, '-H', '/run/hosts', '-a', addresses.dnsmasq])
  const aardvark = ['/usr/lib/podman/aardvark-dns', '--config', '/run/aardvark', '-p', '53', 'run']
  await host.run(aardvark, { timeoutMs: 10_000 })
  for (const server of peers) {
    await host.sh(`until ss -lnuH 'src ${addresses[server]}' | grep -q :53; do sleep 0.05; done`)
    await host.sh(`taskset -a -p -c 1 ${await pidAt(host, addresses[server])}`)
  }
}

async function pidAt(host: Host, address: string): Promise<number> {
  const { stdout } = await host.sh(`ss -lnupH 'src ${address}'`)
  return Number(/pid=(\d+)/.exec(stdout)?.[1])
}

/** User and system time of a process so far, in seconds. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

async function load(host: Host, address: string, outstanding: number): Promise<Load> {
  const pid = await pidAt(host, address)
  const before = cpuSeconds(pid)
  const asking = ['dnsperf', '-s', address, '-d', '/run/questions', '-l', `${seconds}`, '-c', '20']
  const argv = ['taskset', '-c', '0', ...asking, '-q', `${outstanding}`]
  const { stdout } = await host.run(argv, { timeoutMs: 60_000 })
  const figure = (name: string): number => Number(new RegExp(`Queries ${name}: +([\\d.]+)`).exec(stdout)?.[1])
  return {
    perSecond: figure('per second'),
    perCpuSecond: figure('completed') / (cpuSeconds(pid) - before),
    lost: figure('lost'),
  }
}

/** The 99th percentile in ms of a few questions beside a steady load; dnsperf tells each answer's time. */
async function tail(host: Host, address: string, perSecond: number): Promise<number> {
  const load = ['dnsperf', '-s', address, '-d', '/run/questions', '-l', `${seconds + 2}`, '-c', '20']
  const beside = host.run(['taskset', '-c', '0', ...load, '-Q', `${Math.round(perSecond)}`], {
    timeoutMs: 60_000,
  })
  const probe = `sleep 0.5; nice -n -10 dnsperf -v -s ${address} -d /run/questions -l ${seconds} -c 1 -Q 500`
  const { stdout } = await host.sh(`${probe} | awk '/^> NOERROR/ { print $NF }' | sort -n`, {
    timeoutMs: 60_000,
  })
  await beside
  const times = stdout.trim().split('\n').map(Number)
  return (times[Math.floor(times.length * 0.99)] ?? Number.NaN) * 1000
}

/** 200 containers come and go while UDP and TCP are asked; clients never repeat a question. */
async function churn(lab: Lab): Promise<void> {
  const host = await lab.host('churn')
  const asker = await lab.container(host)
  await host.tsnet('network', 'create', 'bench', '--subnet', '10.98.0.0/16')
  await host.tsnet(
    'setup',
    '--netns',
    asker.netns,
    '--id',
    'asker',
    '--network',
    'bench',
    '--firewall',
    'nftables',
  )
  await host.sh("printf 'asker A\\nasker AAAA\\nasker.bench A\\nnosuch.bench A\\n' > /run/questions")
  const count = quick ? 20 : 200
  const boxes = await Promise.all(Array.from({ length: count }, () => lab.container(host)))
  let done = false
  const asking = (['udp', 'tcp'] as const).map(async (mode) => {
    let [sent, lost] = [0, 0]
    while (!done) {
      const words = [
        '-m',
        mode,
        '-s',
        '10.98.0.1',
        '-d',
        '/run/questions',
        '-l',
        '5',
        '-Q',
        '5000',
        '-c',
        '20',
        '-t',
        '5',
      ]
      const { stdout } = await asker.run(['dnsperf', ...words], { timeoutMs: 60_000 })
      sent += Number(/Queries sent: +(\d+)/.exec(stdout)?.[1])
      lost += Number(/Queries lost: +(\d+)/.exec(stdout)?.[1])
    }
    return `${mode}: ${lost} of ${sent} lost`
  })
  const began = performance.now()
  const queue = [...boxes.entries()]
  const work = async (): Promise<void> => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      const [i, { netns }] = next
      const flags = ['--netns', netns, '--id', `c${i}`, '--container-name', `c${i}`, '--network', 'bench']
      await host.tsnet('setup', ...flags, '--firewall', 'nftables', { timeoutMs: 60_000 })
      await host.tsnet('teardown', `c${i}`, { timeoutMs: 60_000 })
    }
  }
  await Promise.all(Array.from({ length: 4 }, work)).finally(() => {
    done = true
  })
  const took = (performance.now() - began) / 1000
  say(
    `${count} containers up and down in ${took.toFixed(1)} s at 5,000 questions/s each way  ${(await Promise.all(asking)).join(', ')}`,
  )
}

async function main(): Promise<void> {
  needs('root', 'built', 'dnsperf', 'dnsmasq', 'aardvark')
  await using lab = await createLab()
  const host = await lab.host('names')
  await prepare(host)
  const loads: Record<(typeof peers)[number], Load[]> = { tsnet: [], dnsmasq: [], aardvark: [] }
  for (let round = 0; round < rounds; round++) {
    for (const i of peers.keys()) {
      const server = peers[(i + round) % peers.length] ?? 'tsnet'
      loads[server].push(await load(host, addresses[server], 200))
    }
  }
  say(
    `${cpus()[0]?.model}, ${cpus().length} cores; ${names} names, ${rounds} interleaved rounds of ${seconds} s`,
  )
  say('one core for the server, the other for dnsperf (which is the slower one from about 250,000 on):')
  for (const server of peers) {
    const [seen, own] = [
      loads[server].map((one) => one.perSecond),
      loads[server].map((one) => one.perCpuSecond),
    ]
    say(
      `  ${server.padEnd(9)}${round3(middle(seen)).padStart(9)} answers/s  ${round3(middle(own)).padStart(9)} in a second of its processor time`,
    )
  }
  for (const [peer, wanted] of [
    ['aardvark', 10],
    ['dnsmasq', 0.8],
  ] as const) {
    const ratio = (key: 'perSecond' | 'perCpuSecond'): string =>
      `${middle(loads.tsnet.map((own, i) => own[key] / (loads[peer][i]?.[key] ?? Number.NaN))).toFixed(2)}x`
    say(
      `  tsnet is ${ratio('perSecond')} ${peer}, ${ratio('perCpuSecond')} by processor time (wanted ${wanted}x)`,
    )
  }
  say(`  answers lost: ${loads.tsnet.reduce((sum, one) => sum + one.lost, 0)}`)
  const half = middle(loads.tsnet.map((one) => one.perSecond)) / 2
  say(`p99 at half load: ${(await tail(host, addresses.tsnet, half)).toFixed(2)} ms (wanted 2)`)

  const spread = await startTsnet(host, addresses.workers, { names, workers: cpus().length })
  await host.sh(`taskset -a -p -c 0-${cpus().length - 1} ${spread.pids[0]} >/dev/null`)
  const both: number[][] = [[], []]
  for (let round = 0; round < rounds; round++) {
    for (const [i, server] of (['workers', 'dnsmasq'] as const).entries()) {
      both[i]?.push((await load(host, addresses[server], 400)).perSecond)
    }
  }
  say(
    `${cpus().length} processes: ${Math.round(middle(both[0] ?? []))} answers/s, dnsmasq ${Math.round(middle(both[1] ?? []))}`,
  )

  const many = await startTsnet(host, addresses.many, { names: 10_000, workers: 1 })
  say(
    `10,000 names: one change ${middle(many.changesMs).toFixed(2)} ms, longest ${Math.max(...many.changesMs).toFixed(2)} (wanted 5); ${many.residentMb[0]?.toFixed(0)} MB (wanted 90)`,
  )
  await churn(lab)
}

await main()
