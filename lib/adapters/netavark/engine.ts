/**
 * The engine, in a module of its own so that `version` need not load it.
 *
 * @module
 */

export { openPluginEngine } from '../../engine/plugins.ts'
