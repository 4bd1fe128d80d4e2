/**
 * What every conversation of the daemon works with: whom to refuse, what is
 * being worked on, what to write down about it.
 *
 * @module
 */

import type { Census } from '../engine/look/census.ts'
import type { DaemonStatus, Whereabouts } from './api.ts'
import { kinds, protocolVersion } from './api.ts'
import type { Log, LogFields } from './log.ts'
import { createMetrics } from './metrics.ts'
import type { Programs } from './program.ts'
import type { Resident } from './resident.ts'

/** What a caller says of itself. */
export interface Caller extends Whereabouts {
  readonly protocol: number
  /** Of the package, where the shapes of its objects travel. */
  readonly version?: string
}

export interface Refusal {
  readonly kind: typeof kinds.decline | typeof kinds.retire
  readonly reason: string
}

/** One operation, from its beginning. */
export interface Work {
  /** Writes its one line. @param code an exit code, or an error's code */
  end(code: number | string, fields?: LogFields): void
}

export interface Service {
  readonly version: string
  readonly programs: Programs
  readonly resident: Resident
  readonly log: Log
  /** @returns undefined for whom we serve */
  refuse(caller: Caller): Refusal | undefined
  begin(what: string): Work
  /** Operations being worked on. */
  active(): number
  /** Called every `beatMs` while the conversation has work. @returns how to stop */
  onBeat(beat: () => void): () => void
  /** All of them now. */
  beat(): void
  status(): DaemonStatus
  /** For Prometheus. */
  metrics(): Promise<string>
}

export interface ServiceParts
  extends Pick<Service, 'version' | 'programs' | 'resident' | 'log' | 'onBeat' | 'beat'> {
  readonly census: () => Promise<Census>
  readonly here: Whereabouts
  /** This daemon takes no calls any more, or its program on disk is another one by now; why. */
  readonly retiring: () => string | undefined
  readonly describe: () => Omit<DaemonStatus, 'calls' | 'active' | 'version' | 'protocol'>
  /** Told of the end of every operation. */
  readonly answered: () => void
}

export function createService(parts: ServiceParts): Service {
  const { version, programs, resident, log, onBeat, beat, here } = parts
  const calls: Record<string, number> = {}
  const metrics = createMetrics()
  let active = 0
  const status = (): DaemonStatus => {
    return { ...parts.describe(), version, protocol: protocolVersion, calls: { ...calls }, active }
  }
  return {
    version,
    programs,
    resident,
    log,
    onBeat,
    beat,
    active: () => active,
    refuse: (caller) => {
      const elsewhere = foreign(caller, here)
      if (elsewhere !== undefined) return { kind: kinds.decline, reason: elsewhere }
      const retiring = parts.retiring()
      if (retiring !== undefined) return { kind: kinds.retire, reason: retiring }
      if (caller.protocol !== protocolVersion) {
        const reason = `the daemon speaks protocol ${protocolVersion}, the caller ${caller.protocol}`
        return { kind: kinds.decline, reason }
      }
      if (caller.version !== undefined && caller.version !== version) {
        const reason = `the daemon is tsnet ${version}, the caller ${caller.version}`
        return { kind: kinds.decline, reason }
      }
      return undefined
    },
    begin: (what) => {
      const begun = performance.now()
      calls[what] = (calls[what] ?? 0) + 1
      active++
      return {
        end: (code, fields) => {
          active--
          const ms = Math.round((performance.now() - begun) * 100) / 100
          metrics.count(what, code === 0 ? 'ok' : 'error', ms)
          log.write('info', what, { code, ms, ...fields })
          parts.answered()
        },
      }
    },
    status,
    metrics: async () => metrics.render(status(), await parts.census()),
  }
}

/** What we do happens in our namespaces; a caller's files and links are in its own. */
function foreign(caller: Whereabouts, here: Whereabouts): string | undefined {
  if (caller.netns !== here.netns) return 'the caller lives in another network namespace than the daemon'
  if (caller.mntns !== here.mntns) return 'the caller lives in another mount namespace than the daemon'
  return undefined
}
