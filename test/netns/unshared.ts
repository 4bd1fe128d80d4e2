/**
 * Waiting for `unshare -n … &`, as a line of shell.
 *
 * @module
 */

/** Until process `pid`, a word of shell, is in a network namespace of its own, or has ended. */
export function unshared(pid = '$!'): string {
  return `until [ "$(readlink /proc/${pid}/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do sleep 0.02; done`
}
