/**
 * The main job, shown: `npm run demo`.
 *
 * Two containers on a network, one published port, a page fetched through it
 * from another machine, from the host and from the other container, the rules
 * that do it, and everything gone again. Plays on a throwaway host of its own;
 * `npm run demo -- --here` plays on this machine (the fetch from another
 * machine falls away). Exits 1 when anything is not as told.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { createLab } from './lab.ts'
import { repository } from './place.ts'
import { type RunResult, runToEnd } from './process.ts'
import { needs } from './requirements.ts'

interface Box {
  readonly pid: number
  readonly netns: string
}

/** Where the play takes place: a throwaway host, or this machine. */
interface Stage {
  run(argv: readonly string[]): Promise<RunResult>
  /** Runs in the background until the stage is closed. */
  start(argv: readonly string[]): void
  box(name: string): Promise<Box>
  /** Another machine on the same wire, where there is one. */
  readonly outside: ((argv: readonly string[]) => Promise<RunResult>) | undefined
  close(): Promise<void>
}

const tsnet = `${repository}dist/bin/tsnet`
const color = process.stdout.isTTY && process.env['NO_COLOR'] === undefined
const bold = (text: string): string => (color ? `\u001b[1m${text}\u001b[0m` : text)

const say = (text: string): void => console.log(text)
const title = (text: string): void => say(`\n${bold(text)}`)

async function throwawayStage(): Promise<Stage> {
  const lab = await createLab()
  const host = await lab.host('host')
  const outside = await lab.host('outside')
  await lab.wire(host, outside, '198.51.100.0/24', { v6: '2001:db8:1::/64', defaultRoute: 'first' })
  return {
    run: (argv) => host.run(argv),
    start: (argv) => void host.start(argv),
    box: (name) => lab.container(host, { name }),
    outside: (argv) => outside.run(argv),
    close: () => lab.dispose(),
  }
}

function thisMachine(): Stage {
  const children: ReturnType<typeof spawn>[] = []
  const start = (argv: readonly string[]): number => {
    const child = spawn(argv[0] as string, argv.slice(1), { stdio: 'ignore' })
    children.push(child)
    return child.pid as number
  }
  return {
    run: (argv) => runToEnd(argv, {}, argv),
    start: (argv) => void start(argv),
    box: async () => {
      const pid = start(['unshare', '-n', 'sleep', '600'])
      // unshare needs a moment before the namespace is a new one.
      await runToEnd([
        'sh',
        '-c',
        `until [ "$(readlink /proc/${pid}/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done`,
      ])
      return { pid, netns: `/proc/${pid}/ns/net` }
    },
    outside: undefined,
    close: async () => {
      for (const child of children) child.kill('SIGKILL')
    },
  }
}

/** Prints a command as a person would type it, runs it, and prints what it said. */
async function show(
  run: (argv: readonly string[]) => Promise<RunResult>,
  argv: readonly string[],
  prompt = '#',
): Promise<string> {
  const words = argv.map((word) => (word === tsnet ? 'tsnet' : word))
  say(`${prompt} ${words.map((word) => (/^[\w@%+=:,./[\]-]+$/.test(word) ? word : `'${word}'`)).join(' ')}`)
  const { stdout } = await run(argv)
  if (stdout.trim() !== '') say(stdout.trimEnd())
  return stdout
}

async function fetchPage(stage: Stage, from: 'outside' | 'host', url: string): Promise<void> {
  const run = from === 'outside' ? stage.outside : stage.run
  if (run === undefined) return
  const page = await show(run, ['curl', '--silent', '--show-error', '--max-time', '25', url], `${from}#`)
  if (!page.includes('hello from web')) throw new Error(`${from} got another page from ${url}: ${page}`)
}

async function play(stage: Stage, backend: string): Promise<void> {
  const port = '8080'
  title(`Two containers, one published port (${backend})`)
  const [web, client] = [await stage.box('web'), await stage.box('client')]
  await show(stage.run, [
    tsnet,
    'setup',
    '--netns',
    web.netns,
    '--container-name',
    'web',
    '--firewall',
    backend,
    '-p',
    `${port}:80`,
  ])
  await show(stage.run, [
    tsnet,
    'setup',
    '--pid',
    String(client.pid),
    '--container-name',
    'client',
    '--firewall',
    backend,
  ])
  await show(stage.run, [tsnet, 'ls'])

  title('A page, fetched through the published port')
  const server = `require('http').createServer((q,r)=>r.end('hello from web, seen as '+q.socket.remoteAddress+'\\n')).listen(80,'::')`
  stage.start(['nsenter', `--net=${web.netns}`, process.execPath, '-e', server])
  await stage.run([
    'sh',
    '-c',
    `until nsenter --net=${web.netns} ss -ltn | grep -q ':80 '; do sleep 0.05; done`,
  ])
  await fetchPage(stage, 'outside', `http://198.51.100.1:${port}/`)
  await fetchPage(stage, 'outside', `http://[2001:db8:1::1]:${port}/`)
  await fetchPage(stage, 'host', `http://127.0.0.1:${port}/`)
  const gateway = (
    await stage.run(['nsenter', `--net=${client.netns}`, 'ip', '-o', 'route', 'show', 'default'])
  ).stdout.split(' ')[2] as string
  await show(
    stage.run,
    [
      'nsenter',
      `--net=${client.netns}`,
      'curl',
      '--silent',
      '--max-time',
      '25',
      `http://${gateway}:${port}/`,
    ],
    'client#',
  )

  title('The rules that do it')
  if (backend === 'nftables') await show(stage.run, ['nft', 'list', 'map', 'inet', 'tsnet', 'ports4'])
  else await show(stage.run, ['sh', '-c', 'iptables -t nat -S | grep TSNET-DNAT'])

  title('And everything gone again')
  await show(stage.run, [tsnet, 'teardown', 'web'])
  await show(stage.run, [tsnet, 'teardown', 'client'])
  await show(stage.run, [tsnet, 'ls'])
  const left = (await stage.run(['ip', '-o', 'link'])).stdout
  if (left.includes('tsnet0')) throw new Error(`links are left:\n${left}`)
}

const here = process.argv.includes('--here')
if (!here) needs('root', 'nft', 'iptables', 'veth', 'bridge')
for (const backend of ['iptables', 'nftables']) {
  const stage = here ? thisMachine() : await throwawayStage()
  try {
    await play(stage, backend)
  } finally {
    await stage.close()
  }
}
say(
  `\n${bold('That was it.')} ${here ? 'It was this machine.' : 'It was a throwaway host; this machine was not touched.'} Next: npm run lab`,
)
process.exit(0)
