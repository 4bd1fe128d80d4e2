/**
 * `--json` of every command is what its schema says.
 *
 * @module
 */
import { statSync } from 'node:fs'
import { expect, it } from 'vitest'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { documentedCommands, undocumented } from './documented.ts'
import { unshared } from './unshared.ts'

needs('root', 'ip', 'nft', 'iptables', 'veth', 'bridge', 'ipv6', 'oci')

/** Command lines without --json, in this order on one host, and the exit code where it is not 0. */
const story: readonly (readonly [line: string, exit?: number | 'any'])[] = [
  ['version'],
  ['help setup'],
  ['help --man'],
  ['completion bash'],
  ['completion words -- network in'],
  ['network create shop --subnet 10.90.0.0/24 --subnet fd00:90::/64 --aux-address printer=10.90.0.200'],
  ['network update shop --label team=red --dns 192.0.2.53'],
  ['plan --pid $WEB --network shop -p 8080:80'],
  [
    'setup --pid $WEB --container-name web --network shop:alias=www -p 8080:80 -p 9000-9009:9000-9009/udp --dry-run',
  ],
  ['setup --pid $WEB --container-name web --network shop:alias=www -p 8080:80 -p 9000-9009:9000-9009/udp'],
  [
    'setup --pid $DB --container-name db --network shop --network bridge --link web:front --resolv-conf /run/db.conf',
  ],
  ['network connect bridge web --alias front --priority 1'],
  ['publish add web 8443:443 127.0.0.1:53:53/udp'],
  ['publish ls'],
  ['publish rm web 443'],
  ['port web'],
  ['ls'],
  ['ps'],
  ['map'],
  ['inspect web'],
  ['route web'],
  ['rules'],
  ['rules web'],
  ['top web --seconds 1'],
  ['conntrack'],
  ['bridge show'],
  ['ipam who 10.90.0.1'],
  ['ipam who 10.90.0.2'],
  ['ns ls'],
  ['ns link'],
  ['ns link --undo'],
  ['network ls'],
  ['network inspect shop'],
  ['dns ls'],
  ['dns query web --from db'],
  ['dns query nobody --from db', 1],
  ['dns explain www --from db'],
  ['dns route corp.example=10.1.1.53 --container web'],
  ['dns conformance 10.90.0.1 --known web'],
  ['check'],
  ['doctor', 'any'],
  ['doctor --fix', 'any'],
  ['trace web db:53/udp', 6],
  ['trace web host:53'],
  ['port nobody', 3],
  ['setup --pid $WEB -p 80800', 2],
  ['network disconnect bridge web'],
  ['network disconnect bridge web'],
  ['teardown db web'],
  ['teardown web'],
  ['check'],
  ['setup --pid $WEB --container-name web'],
  ['teardown web'],
  ['gc'],
  ['firewall reload'],
  ['network rm shop'],
  ['network create lab'],
  ['network prune'],
  ['prune'],
  ['cni install --dir /run/plugins --conf-dir /etc/cni/net.d'],
  ['cni add tsnet-cni $PWD/web --bin-dir /run/plugins'],
  ['cni list'],
  ['cni gc tsnet-cni --bin-dir /run/plugins'],
  ['podman install --dir /run/conf.d'],
  ['podman status --dir /run/conf.d'],
  ['podman uninstall --dir /run/conf.d'],
  ['docker install'],
  ['docker status'],
  ['docker uninstall'],
  ['oci patch /run/bundle -p 8080:80'],
  ['oci patch /run/bundle --remove'],
  ['daemon status', 3],
  ['daemon start'],
  ['daemon status'],
  ['daemon logs'],
  ['daemon stop'],
  ['daemon stop'],
]

/** What a failed command says instead, on standard error. */
const failing = new Set<number | 'any'>([2, 3])

// Ninety commands, each with Node's start.
it('says with every command what its schema says, and nothing else', { timeout: 400_000 }, async () => {
  await using lab = await createLab()
  const host = await lab.host('host')
  const [web, db] = [await lab.container(host), await lab.container(host)]
  await host.sh('mkdir -p /run/bundle/rootfs; cd /run/bundle; runc spec')
  const seen = new Set<string>()
  const wrong: string[] = []
  for (const [line, expectExit = 0] of story) {
    const words = line
      .replace('$WEB', String(web.pid))
      .replace('$DB', String(db.pid))
      .replace('$PWD/web', web.netns)
      .split(' ')
    const { stdout, stderr } = await host.tsnet('--json', '--firewall', 'nftables', ...words, { expectExit })
    const command = failing.has(expectExit) && stdout === '' ? 'error' : commandOf(words)
    seen.add(command)
    for (const text of documentsOf(command, command === 'error' ? stderr : stdout))
      wrong.push(...undocumented(command, JSON.parse(text)).map((what) => `${line}: ${what}`))
  }
  for (const command of ['events', 'capture']) {
    seen.add(command)
    for (const text of documentsOf(command, await overheard(host, command)))
      wrong.push(...undocumented(command, JSON.parse(text)))
  }
  expect(wrong).toEqual([])
  expect([...seen].sort()).toEqual(documentedCommands())
})

function commandOf(words: readonly string[]): string {
  if (words.includes('--dry-run')) return 'plan'
  const two = words.slice(0, 2).join(' ')
  return documentedCommands().includes(two) ? two : (words[0] ?? '')
}

const ofLines = new Set(['events', 'capture', 'daemon logs'])

/** At least one. */
function documentsOf(command: string, text: string): readonly string[] {
  const texts = ofLines.has(command) ? text.trim().split('\n') : [text]
  expect(texts[0], command).not.toBe('')
  return texts
}

/** What it says of a container that comes, asks its gateway for a name, and goes. */
async function overheard(host: Host, command: string): Promise<string> {
  const words = command === 'events' ? ['events'] : ['capture', 'host', '--interface', 'any', 'icmp']
  const { stdout } = await host.sh(
    `
    tsnet() { "${process.execPath}" ${process.cwd()}/dist/bin/tsnet --firewall nftables "$@"; }
    tsnet network create loud --subnet 10.91.0.0/24
    unshare -n sleep 100 >/dev/null 2>&1 &
    ${unshared()}
    pid=$!
    tsnet setup --pid $pid --container-name loud --network loud >/dev/null
    tsnet ${words.join(' ')} --json --count 1 >/run/heard 2>/run/ready &
    hearing=$!
    while kill -0 $hearing 2>/dev/null; do
      nsenter -t $pid -n ping -c 1 -W 1 10.91.0.1 >/dev/null || true
      tsnet network connect bridge loud -q >/dev/null; tsnet network disconnect bridge loud -q >/dev/null
    done
    wait $hearing
    tsnet teardown loud >/dev/null; kill $pid; tsnet network rm loud >/dev/null
    cat /run/heard
  `,
    { timeoutMs: 120_000 },
  )
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .join('\n')
}

it('is whole in a pipe that takes less than all of it, and whose reader takes its time', async () => {
  await using lab = await createLab()
  const host = await lab.host('host')
  const { stdout } = await host.sh(
    `${process.execPath} ${repository}dist/bin/tsnet help --schema | { sleep 1; wc -c; }`,
  )
  const size = statSync(`${repository}dist/schema.json`).size
  expect(size).toBeGreaterThan(65_536)
  expect(stdout.trim()).toBe(`${size}`)
})
