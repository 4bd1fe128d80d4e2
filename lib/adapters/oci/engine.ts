/**
 * The engine of hooks, in a module of its own so that a mistake in the state is told without loading it.
 *
 * @module
 */

export { openEngine } from '../../engine/open.ts'
