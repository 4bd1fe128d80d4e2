/**
 * What a ready-made topology gives to those who asked for it.
 *
 * @module
 */
import type { Container, Host } from '../host.ts'
import type { Lab } from '../lab.ts'

/** A wired set of hosts and their containers, the first host being the one to look at. */
export interface Topology {
  readonly hosts: readonly [Host, ...Host[]]
  readonly containers: readonly Container[]
}

/** Builds a topology in an empty lab. */
export type BuildTopology = (lab: Lab) => Promise<Topology>
