/**
 * A host tsnet has never touched, and commands on it that must fail without a
 * trace.
 *
 * @module
 */
import { afterEach, beforeEach, expect } from 'vitest'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import type { RunOptions } from '../../netns-fixtures/process.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { differences, layStreet } from './traceless.ts'

const tsnet = [process.execPath, `${repository}dist/bin/tsnet`]

/** Each gives the whole of stderr and the exit code, with names that change replaced. */
export interface RefusalYard {
  /** Of this test. */
  readonly host: Host
  readonly box: Container
  readonly tsnet: readonly string[]
  readonly refused: (argv: readonly string[], options?: RunOptions) => Promise<string>
  /** `tsnet setup` of the box with these words more. */
  readonly setup: (...words: string[]) => Promise<string>
  /** `tsnet network create net` with these words more. */
  readonly create: (...words: string[]) => Promise<string>
  /** `tsnet setup --config -` with this document, or this text. */
  readonly config: (document: unknown) => Promise<string>
}

/** For a whole file: every test gets a host of its own. */
export function refusalYard(): RefusalYard {
  let lab: Lab
  let host: Host
  let box: Container

  beforeEach(async () => {
    needs('root', 'ip', 'nft', 'iptables-nft', 'veth', 'bridge', 'ipv6')
    lab = await createLab()
    host = (await layStreet(lab)).host
    box = await host.container()
  })
  afterEach(async () => {
    await lab?.dispose()
  })

  const refused = async (argv: readonly string[], options: RunOptions = {}): Promise<string> => {
    let text = ''
    const changed = await differences(host, async () => {
      const { stderr, exitCode } = await host.run(argv, {
        expectExit: 'any',
        ...options,
        env: { TSNET_FIREWALL: 'nftables', ...options.env },
      })
      text = `\n${stderr
        .replaceAll(box.netns, 'NETNS')
        .replaceAll(`/proc/${box.pid}/`, '/proc/PID/')
        .replaceAll(/process \d+/g, 'process PID')}exit ${exitCode}\n`
    })
    expect(changed).toEqual([])
    return text
  }
  return {
    get host() {
      return host
    },
    get box() {
      return box
    },
    tsnet,
    refused,
    setup: (...words) => refused([...tsnet, 'setup', '--netns', box.netns, '--id', 'c1', ...words]),
    create: (...words) => refused([...tsnet, 'network', 'create', 'net', ...words]),
    config: (document) =>
      refused([...tsnet, 'setup', '--config', '-'], {
        stdin: typeof document === 'string' ? document : JSON.stringify(document),
      }),
  }
}
