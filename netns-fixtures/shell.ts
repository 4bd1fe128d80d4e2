/**
 * An interactive lab: `npm run lab -- one-host | two-hosts | dual-stack`.
 *
 * Builds the topology, says how to enter its parts from other terminals, and
 * gives a shell inside the first host. Everything is gone when the shell ends.
 * Commands can also be piped in: `echo 'ip addr' | npm run lab -- two-hosts`.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { createLab } from './lab.ts'
import { entering } from './namespaces.ts'
import { repository } from './place.ts'
import { needs } from './requirements.ts'
import { dualStack } from './topologies/dual-stack.ts'
import { oneHost } from './topologies/one-host.ts'
import type { BuildTopology, Topology } from './topologies/topology.ts'
import { twoHosts } from './topologies/two-hosts.ts'

const topologies: Readonly<Record<string, BuildTopology>> = {
  'one-host': (lab) => oneHost(lab),
  'two-hosts': twoHosts,
  'dual-stack': dualStack,
}

/** What a person needs to find their way, printed before the prompt. */
async function introduction(topology: Topology): Promise<string> {
  const lines: string[] = []
  for (const host of topology.hosts) {
    const { stdout } = await host.run(['ip', '-br', 'addr'])
    lines.push(
      `host ${host.name}`,
      `  nsenter -t ${host.pid} -n -m bash`,
      ...stdout
        .trimEnd()
        .split('\n')
        .map((line) => `  ${line}`),
    )
  }
  for (const container of topology.containers) {
    lines.push(
      `container ${container.name} in ${container.host.name}: $${variable(container.name)} = ${container.netns}`,
      `  nsenter -t ${container.pid} -n -m ip addr`,
    )
  }
  const [first] = topology.containers
  if (first) lines.push('', `Try: tsnet setup --netns $${variable(first.name)} -p 8080:80`)
  lines.push(`You are in ${topology.hosts[0].name}. Everything is gone when this shell ends.`, '')
  return lines.join('\n')
}

function variable(name: string): string {
  return name.toUpperCase().replaceAll(/\W/g, '_')
}

/** Runs a shell in the first host on our own terminal, or on the commands piped to us. */
function shellIn(topology: Topology): Promise<number> {
  const [host] = topology.hosts
  const interactive = process.stdin.isTTY
  const bash = interactive ? ['bash', '--norc', '-i'] : ['bash']
  const [nsenter = '', ...rest] = [...entering(host, host), ...bash]
  const netns = topology.containers.map((container) => [variable(container.name), container.netns])
  const env = {
    ...process.env,
    ...Object.fromEntries(netns),
    PATH: `${repository}dist/bin:${process.env['PATH']}:/usr/sbin:/sbin`,
    PS1: `[lab ${host.name}] \\w \\$ `,
  }
  return new Promise((resolve, reject) => {
    const shell = spawn(nsenter, rest, { stdio: 'inherit', env })
    shell.once('error', reject)
    shell.once('close', (code) => resolve(code ?? 1))
  })
}

async function main(wanted: string): Promise<number> {
  const build = topologies[wanted]
  if (!build) {
    process.stderr.write(`no topology ${wanted}; there are ${Object.keys(topologies).join(', ')}\n`)
    return 2
  }
  needs('root', 'ip', 'nft', 'veth')
  await using lab = await createLab()
  const topology = await build(lab)
  process.stdout.write(await introduction(topology))
  return await shellIn(topology)
}

// Ctrl-C belongs to the shell inside; we stay to clean up after it.
process.on('SIGINT', () => {})
process.exitCode = await main(process.argv[2] ?? 'one-host')
