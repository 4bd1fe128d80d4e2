/**
 * The door of the name server's program, and of nobody else.
 *
 * @module
 */

export { runAardvarkServer } from './adapters/netavark/aardvarkserver.ts'
export { folderWord } from './engine/names/folderserver.ts'
export { runNameServer } from './engine/names/nameserver.ts'
