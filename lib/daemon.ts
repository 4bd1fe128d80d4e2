/**
 * The door of the daemon's commands, and of nobody else.
 *
 * @module
 */

export type { DaemonStatus } from './daemon/api.ts'
export { askStatus } from './daemon/client.ts'
export {
  type DockerPlace,
  type DockerStatus,
  dockerStatus,
  installDocker,
  uninstallDocker,
} from './daemon/dockerinstall.ts'
export { logLevels } from './daemon/log.ts'
export { daemonLogFiles } from './daemon/logfile.ts'
export { askMetrics } from './daemon/metricsdoor.ts'
export { daemonPlace } from './daemon/place.ts'
export type { Program, ProgramCall, Programs } from './daemon/program.ts'
export { runDaemon } from './daemon/run.ts'
export { reachOrStart, stopDaemon } from './daemon/start.ts'
export { preferProcess } from './kernel/system/priority.ts'
