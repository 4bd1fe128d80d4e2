/**
 * Plays systemd in the throwaway host this process was started in: listens at
 * tsnetd's socket, starts tsnetd with it, calls, ends tsnetd, starts the next one
 * for the call that waits at the socket. Prints what happened as JSON.
 *
 * @module
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync } from 'node:fs'
import { listen, openSocket } from '../../../lib/kernel/system/sockets.ts'
import { repository } from '../../../netns-fixtures/place.ts'
import { runToEnd } from '../../../netns-fixtures/process.ts'

const path = '/run/tsnet/tsnetd.sock'
const AF_UNIX = 1
const SOCK_STREAM = 1

mkdirSync('/run/tsnet', { recursive: true })
const address = Buffer.from(`\0\0${path}\0`)
address.writeUInt16LE(AF_UNIX, 0)
const socket = openSocket({ domain: AF_UNIX, type: SOCK_STREAM, address }, () => undefined)
listen(socket, 128)

/** Its own pid is in LISTEN_PID, so the shell becomes the daemon. */
function activate(): ChildProcess {
  const line = 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$1" daemon run'
  return spawn('sh', ['-c', line, process.execPath, `${repository}dist/bin/tsnet`], {
    stdio: ['ignore', 'inherit', 'inherit', socket].map((one, nth) => (nth === 2 ? 'ignore' : one)) as never,
  })
}

async function call(): Promise<{ exitCode: number; stdout: string }> {
  const { exitCode, stdout } = await runToEnd([`${repository}dist/launcher/tsnet`, 'ls', '--json'])
  return { exitCode, stdout }
}

const one = activate()
const first = await call()
one.kill('SIGTERM')
await once(one, 'exit')
const waiting = call()
const two = activate()
const second = await waiting
const [pid] = (
  await runToEnd([process.execPath, `${repository}dist/bin/tsnet`, 'daemon', 'status', '-q'])
).stdout.split('\n')
two.kill('SIGTERM')
await once(two, 'exit')
console.log(
  JSON.stringify({
    first,
    second,
    differentProcesses: Number(pid) === two.pid && one.pid !== two.pid,
    socketStays: existsSync(path),
  }),
)
process.exit(0)
