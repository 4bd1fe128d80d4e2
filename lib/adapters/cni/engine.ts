/**
 * The engine of plugins, in a module of its own so that `VERSION` need not load it.
 *
 * @module
 */

export { openPluginEngine, type PluginEngine } from '../../engine/plugins.ts'
