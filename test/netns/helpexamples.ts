/**
 * Running the examples of the help as they stand, in throwaway hosts.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { type Example, examples } from '../../cmd/tsnet/examples.ts'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import type { RunResult } from '../../netns-fixtures/process.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { unshared } from './unshared.ts'

needs('root', 'ip', 'nft', 'iptables', 'veth', 'bridge', 'ipv6')

const runLimitMs = 60_000

/** A shell in the host, with the built `tsnet` in its path. */
export function shell(
  host: Host,
  lines: readonly string[],
  pid: number,
  backend: string,
): Promise<RunResult> {
  const env = {
    PATH: `${repository}dist/bin:${process.env['PATH']}`,
    TSNET_FIREWALL: backend,
    PID: String(pid),
  }
  return host.run(['sh', '-ec', lines.flatMap(started).join('\n')], { env, timeoutMs: runLimitMs })
}

/**
 * Behind a line that ends in `&`: what a person waits for without noticing. Its
 * output is closed, or the pipe to the test would stay open with the process.
 */
function started(line: string): string[] {
  if (!line.endsWith('&')) return [line]
  const background = `${line.slice(0, -1)} >/dev/null 2>&1 &`
  return line.startsWith('unshare') ? [background, unshared()] : [background]
}

/** What an example starts from. */
export const before: Readonly<Record<NonNullable<Example['given']>[number], string>> = {
  box: ':',
  offline: ': > /etc/resolv.conf',
  shop: 'tsnet network create shop --subnet 10.90.0.0/24',
  web: 'tsnet setup --pid $PID --container-name web -p 8080:80',
}

/** The commands that make, change or read packet rules: what they do differs with the backend. */
const ofRules =
  /^(setup|teardown|plan|port|rules|curl|doctor|trace|check|gc|prune|publish .*|firewall .*|network (?!ls|inspect).*)$/

/** Each example in a host of its own: all of them with iptables, those about rules with nftables too. */
export function examplesHold(backend: 'iptables' | 'nftables'): void {
  const chosen = backend === 'iptables' ? examples : examples.filter(({ command }) => ofRules.test(command))
  describe(`with ${backend}, the help is right about`, () => {
    it.each(chosen)('$command: $about', async ({ script, given = [] }) => {
      await using lab = await createLab()
      const host = await lab.host('host')
      const { pid } = await lab.container(host)
      await shell(
        host,
        given.map((name) => before[name]),
        pid,
        backend,
      )
      const { stderr } = await shell(host, script, pid, backend)
      expect(stderr).toBe('')
    })
  })
}
