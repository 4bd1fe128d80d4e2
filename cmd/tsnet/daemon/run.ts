/**
 * `tsnet daemon run`: tsnetd, in the foreground.
 *
 * @module
 */

import { resolve } from 'node:path'
import { type CommandDefinition, switchFlag, textFlag } from '../command.ts'
import { addressOf, socketOption } from './place.ts'

/** Of a daemon that was started because somebody called. */
const onDemandIdleSeconds = 300

export const daemonRun: CommandDefinition = {
  path: ['daemon', 'run'],
  summary: 'serve calls until it is told to end',
  about:
    'Stays in the foreground and writes its log, one JSON object a line, to standard error. It keeps nothing that is not ' +
    'on disk: it can be killed at any moment, and whoever was calling calls again. SIGTERM and SIGINT end it when the last ' +
    'call is answered; so does a new tsnet in its place. Takes the socket systemd hands over, where it does. As long as it ' +
    'runs it puts back packet rules of tsnet that others flush, and its log says who it was.',
  args: [],
  groups: [
    {
      title: 'Where and for whom',
      options: [
        socketOption,
        { flags: '--group <name>', about: 'may call it too; that is as much as being root' },
        {
          flags: '--docker-socket <path>',
          about: "serve Docker's network driver there too, such as /run/docker/plugins/tsnet.sock",
        },
        { flags: '--docker-api <path>', about: "where dockerd's API is (default: /run/docker.sock)" },
        {
          flags: '--metrics-port <port>',
          about: 'GET /metrics on this port of 127.0.0.1 too, for every local user',
        },
      ],
    },
    {
      title: 'How long, how loud',
      options: [
        {
          flags: '--idle-exit <seconds>',
          about: 'end after so long without a call, or packet rules to look after (default: stay)',
        },
        {
          flags: '--log-level <level>',
          about: 'error, warn, info (default) or debug',
          values: ['error', 'warn', 'info', 'debug'],
        },
        {
          flags: '--on-demand',
          about: `as a caller starts it: ends after ${onDemandIdleSeconds} s without a call or a rule to look after`,
        },
      ],
    },
  ],
  onSignal: 'undo',
  run: async (invocation, session) => {
    const { flags } = invocation
    const lib = await session.lib()
    const { logLevels, preferProcess, runDaemon } = await import('../../../lib/daemon.ts')
    const logLevel = logLevels.find((one) => one === (textFlag(flags, 'logLevel') ?? 'info'))
    if (logLevel === undefined) {
      const value = textFlag(flags, 'logLevel')
      const message = `reading --log-level: "${value}" is no level`
      const hint = `use ${logLevels.join(', ')}`
      throw lib.fail('TSNET_BAD_VALUE', { field: '--log-level', value, message, hint })
    }
    const onDemand = switchFlag(flags, 'onDemand')
    const idle = textFlag(flags, 'idleExit') ?? (onDemand ? String(onDemandIdleSeconds) : undefined)
    if (idle !== undefined && !/^\d{1,9}(\.\d{1,3})?$/.test(idle)) {
      const message = `reading --idle-exit: "${idle}" is no number of seconds`
      throw lib.fail('TSNET_BAD_VALUE', { field: '--idle-exit', value: idle, message, hint: 'such as 300' })
    }
    const metricsPort = textFlag(flags, 'metricsPort')
    if (metricsPort !== undefined && !(/^\d{1,5}$/.test(metricsPort) && Number(metricsPort) < 65_536)) {
      const message = `reading --metrics-port: "${metricsPort}" is no port`
      throw lib.fail('TSNET_BAD_VALUE', {
        field: '--metrics-port',
        value: metricsPort,
        message,
        hint: 'such as 9123',
      })
    }
    const group = textFlag(flags, 'group')
    const dockerSocket = textFlag(flags, 'dockerSocket')
    const dockerApi = textFlag(flags, 'dockerApi')
    const programFile = session.program.file
    preferProcess()
    try {
      await runDaemon({
        ...addressOf(invocation, session.io.env),
        programs: await session.program.functions(),
        logLevel,
        ...(group === undefined ? {} : { group }),
        ...(dockerSocket === undefined ? {} : { dockerSocket: resolve(dockerSocket) }),
        ...(dockerApi === undefined ? {} : { dockerApi: resolve(dockerApi) }),
        ...(metricsPort === undefined ? {} : { metricsPort: Number(metricsPort) }),
        ...(idle === undefined ? {} : { idleExitSeconds: Number(idle) }),
        ...(programFile === undefined ? {} : { programFile }),
        signal: session.abortSignal(),
        print: (line) => session.io.stderr.write(line),
      })
    } catch (error) {
      // Two callers have started one at the same time: the other serves both.
      if (onDemand && lib.isTsnetError(error, 'TSNET_DAEMON_RUNNING')) return 0
      throw error
    }
    return 0
  },
}
