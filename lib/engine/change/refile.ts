/**
 * Files of a container whose networks have changed: its resolv.conf and hosts
 * say what is true now.
 *
 * @module
 */

import type { NetworkConfig } from '../../model/network.ts'
import type { FileStep, LoweredStep } from '../../plan/step.ts'
import type { ContainerRecord } from '../../state/records.ts'
import { decideFiles } from '../attach/files.ts'
import type { Target } from '../attach/target.ts'
import type { EngineContext } from '../context.ts'
import { withNameServers } from '../names/names.ts'

export interface Refiled {
  /** With resolver and file steps as they are from now on. */
  readonly record: ContainerRecord
  /** What makes the files so, and what makes them as they were. */
  readonly redo: readonly LoweredStep[]
  readonly back: readonly LoweredStep[]
}

/** @param changed the record with its new attachments; its files and servers are still the old ones */
export function filesOf(
  context: EngineContext,
  target: Target,
  before: ContainerRecord,
  changed: ContainerRecord,
  configs: ReadonlyMap<string, NetworkConfig>,
): Refiled {
  const { result, request } = changed
  if (result === undefined) return { record: changed, redo: [], back: [] }
  const { servers = [], search = [], options = [] } = request.resolver
  const known = new Map(context.networks.list().map((config) => [config.name, config]))
  // Absent again where no network with names is left.
  const { forwarders: _before, ...resolver } = result.resolver
  const asked = { ...result, resolver: { ...resolver, servers, search, options } }
  const named = withNameServers(context, request, new Map([...known, ...configs]), asked)
  const files = decideFiles(context, request, target, named)
  const old = new Map(before.steps.flatMap(({ step }) => (step.kind === 'file' ? [[step.path, step]] : [])))
  const to = files.steps.map((step) => ({ next: step, last: old.get(step.path) }))
  const steps = changed.steps.map(({ of, step }) => {
    const change = step.kind === 'file' ? to.find(({ next }) => next.path === step.path) : undefined
    // What was there before us is what is put back at last, whatever stood there in between.
    return { of, step: change === undefined ? step : { ...step, text: change.next.text } }
  })
  return {
    record: { ...changed, result: files.result, steps },
    redo: to.flatMap(({ next, last }) => (last === undefined ? [] : [between(next, last)])),
    back: to.flatMap(({ next, last }) => (last === undefined ? [] : [between(last, next)])),
  }
}

function between(next: FileStep, last: FileStep): FileStep {
  const { before: _original, ...step } = next
  return next.mark === undefined ? { ...step, before: last.text } : step
}
