/**
 * The version of this package.
 *
 * @module
 */

/** The same as in package.json, which a test compares: reading that file would cost a start half a millisecond. */
export const tsnetVersion = '0.1.0'
