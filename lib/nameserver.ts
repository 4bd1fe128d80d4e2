/**
 * The door of the name server's program, and of nobody else.
 *
 * @module
 */

export { runNameServer } from './engine/nameserver.ts'
