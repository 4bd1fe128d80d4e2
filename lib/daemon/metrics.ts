/**
 * What the daemon counts, and its text for Prometheus.
 *
 * Counters begin again with each daemon, as Prometheus expects it. Not
 * responsible for who may ask: that is whoever may call (server.ts), and every
 * local user where a loopback port was asked for (metricsdoor.ts).
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 * @module
 */

import type { Census } from '../engine/look/census.ts'
import type { DaemonStatus } from './api.ts'

/** Upper bounds in seconds: from an attach to what a person would call stuck. */
const boundsSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30] as const

interface Operation {
  readonly outcomes: Record<'ok' | 'error', number>
  /** How many took so long at most; the last has all. */
  readonly buckets: number[]
  sumSeconds: number
}

export interface Metrics {
  /** One operation has ended. */
  count(operation: string, outcome: 'ok' | 'error', ms: number): void
  render(status: DaemonStatus, census: Census): string
}

export function createMetrics(): Metrics {
  const operations = new Map<string, Operation>()
  return {
    count: (name, outcome, ms) => {
      const operation = operations.get(name) ?? {
        outcomes: { ok: 0, error: 0 },
        buckets: new Array<number>(boundsSeconds.length + 1).fill(0),
        sumSeconds: 0,
      }
      operations.set(name, operation)
      operation.outcomes[outcome]++
      operation.sumSeconds += ms / 1000
      for (const [i, bound] of [...boundsSeconds, Number.POSITIVE_INFINITY].entries())
        if (ms / 1000 <= bound) operation.buckets[i] = (operation.buckets[i] ?? 0) + 1
    },
    render: (status, census) =>
      [...renderOperations(operations), ...renderDaemon(status), ...renderCensus(census)]
        .join('\n')
        .concat('\n'),
  }
}

type Labels = Readonly<Record<string, string | number>>

function metric(
  type: 'counter' | 'gauge' | 'histogram',
  name: string,
  help: string,
  samples: readonly (readonly [suffix: string, labels: Labels, value: number])[],
): readonly string[] {
  const lines = samples.map(([suffix, labels, value]) => {
    const inside = Object.entries(labels).map(([key, text]) => `${key}="${escaped(String(text))}"`)
    return `${name}${suffix}${inside.length === 0 ? '' : `{${inside.join(',')}}`} ${value}`
  })
  return lines.length === 0 ? [] : [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines]
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

function renderOperations(operations: ReadonlyMap<string, Operation>): readonly string[] {
  const all = [...operations]
  const bounds = [...boundsSeconds.map(String), '+Inf']
  return [
    ...metric(
      'counter',
      'tsnet_operations_total',
      'Calls that have ended.',
      all.flatMap(([operation, { outcomes }]) =>
        (['ok', 'error'] as const).map((outcome) => ['', { operation, outcome }, outcomes[outcome]] as const),
      ),
    ),
    ...metric(
      'histogram',
      'tsnet_operation_seconds',
      'How long calls took, from their acceptance.',
      all.flatMap(([operation, { buckets, sumSeconds }]) => [
        ...bounds.map((le, i) => ['_bucket', { operation, le }, buckets[i] ?? 0] as const),
        ['_sum', { operation }, sumSeconds] as const,
        ['_count', { operation }, buckets.at(-1) ?? 0] as const,
      ]),
    ),
  ]
}

function renderDaemon({ active, residentBytes, startedAt, version }: DaemonStatus): readonly string[] {
  return [
    ...metric('gauge', 'tsnet_info', 'Which tsnetd this is.', [['', { version }, 1]]),
    ...metric('gauge', 'tsnet_operations_active', 'Calls being worked on.', [['', {}, active]]),
    ...metric('gauge', 'tsnet_resident_bytes', 'Memory of tsnetd.', [['', {}, residentBytes]]),
    ...metric('gauge', 'tsnet_start_time_seconds', 'When it was started, since 1970.', [
      ['', {}, Date.parse(startedAt) / 1000],
    ]),
  ]
}

function renderCensus({ containers, attachments, ports, networks, rules, names }: Census): readonly string[] {
  const labels = ({ name, family }: Census['networks'][number]): Labels => ({ network: name, family })
  return [
    ...metric('gauge', 'tsnet_containers', 'Containers that are set up.', [['', {}, containers]]),
    ...metric('gauge', 'tsnet_attachments', 'Interfaces of containers.', [['', {}, attachments]]),
    ...metric('gauge', 'tsnet_published_ports', 'Published ports.', [['', {}, ports]]),
    ...metric(
      'gauge',
      'tsnet_leases',
      'Addresses that are held.',
      networks.map((network) => ['', labels(network), network.leased] as const),
    ),
    ...metric(
      'gauge',
      'tsnet_leases_left',
      'Addresses that are left, IPv4 only.',
      networks.flatMap((network) =>
        network.free === undefined ? [] : [['', labels(network), network.free] as const],
      ),
    ),
    ...metric(
      'gauge',
      'tsnet_rules',
      'Packet rules and map elements, by tool.',
      Object.entries(rules).map(([tool, count]) => ['', { tool }, count] as const),
    ),
    ...(names === undefined ? [] : renderNames(names)),
  ]
}

function renderNames({
  queries,
  fast,
  outstanding,
  cached,
}: NonNullable<Census['names']>): readonly string[] {
  return [
    ...metric('counter', 'tsnet_dns_queries_total', 'Questions to the name server.', [['', {}, queries]]),
    ...metric('counter', 'tsnet_dns_fast_total', 'Of those, answered from prepared answers.', [
      ['', {}, fast],
    ]),
    ...metric('gauge', 'tsnet_dns_outstanding', 'Questions other servers have not answered yet.', [
      ['', {}, outstanding],
    ]),
    ...metric('gauge', 'tsnet_dns_cached_answers', 'Answers of other servers that are kept.', [
      ['', {}, cached.entries],
    ]),
    ...metric('gauge', 'tsnet_dns_cached_bytes', 'Memory of those.', [['', {}, cached.bytes]]),
  ]
}
