/**
 * What our programs end with (cmd and plugins); not a door of the package.
 *
 * @module
 */

export { endProcess, endWith } from './kernel/system/ending.ts'
