/**
 * The system's log, for processes that nobody sees standard error of.
 *
 * @see syslog(3)
 * @module
 */

import { loadKoffi, pinned } from './native.ts'

const LOG_PID = 1
const LOG_DAEMON = 24
const LOG_WARNING = 4

/** @param ident what its lines begin with @returns writes one line; without a log it is lost */
export function systemLog(ident: string): (text: string) => void {
  const library = loadKoffi().load('libc.so.6')
  // The C library keeps the pointer, and nothing else.
  const name = pinned(ident.length + 1)
  name.bytes.write(ident)
  library.func('void openlog(void *ident, int option, int facility)')(name.bytes, LOG_PID, LOG_DAEMON)
  const write = library.func('void syslog(int priority, const char *format, ...)')
  return (text) => {
    // The memory is named here so that it lives as long as the log does.
    if (name.address !== 0n) write(LOG_WARNING, '%s', 'str', text)
  }
}
