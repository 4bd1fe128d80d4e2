/**
 * A script of engines/ with podman and one of the two netavarks, in a host with
 * a machine beyond it.
 *
 * @module
 */
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import { sectionsOf } from './engines.ts'

/** A test's limit is behind it: the script's own says more. */
export const netavarksLimitMs = 240_000
const scriptLimitMs = 230_000

/** Where podman finds them. */
export const debians = '/usr/lib/podman'
export const ours: string = `${repository}dist/podman`

/** @param firewall for ours; Debian's knows iptables only */
export async function podman(
  script: string,
  helpers: string,
  firewall: string,
): Promise<Readonly<Record<string, string>>> {
  await using lab = await createLab()
  const host = await lab.host('host')
  const far = await lab.host('far')
  await lab.wire(host, far, '198.51.100.0/24', { v6: '2001:db8:1::/64', defaultRoute: 'first' })
  const scripts = `${repository}test/netns/engines`
  const { stdout } = await host.run(['unshare', '-m', 'sh', `${scripts}/${script}.sh`], {
    env: {
      TSNET: `${repository}dist`,
      SCRIPTS: scripts,
      HELPERS: helpers,
      FAR: String(far.pid),
      NETAVARK_FW: firewall,
    },
    timeoutMs: scriptLimitMs,
  })
  return sectionsOf(stdout)
}

const isName = (line: string): boolean => /^(Address: .*|NXDOMAIN|)$/.test(line)

/** All that was told but for answers of name servers: engines/differences.md, 5. */
export function withoutNames(
  told: Readonly<Record<string, string>>,
): Readonly<Record<string, readonly string[]>> {
  const rest = (text: string): string[] => text.split('\n').filter((line) => !isName(line))
  return Object.fromEntries(Object.entries(told).map(([section, text]) => [section, rest(text)]))
}
