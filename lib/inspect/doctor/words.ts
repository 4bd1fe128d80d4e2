/**
 * How findings call a container, and a command inside it.
 *
 * @module
 */

import type { ContainerNetwork } from '../../model/attachment.ts'
import type { ArgumentVector } from '../../model/commandline.ts'
import type { NamespaceView } from '../views.ts'

export const nameOf = ({ container }: ContainerNetwork): string => container.name ?? container.id.slice(0, 12)
export const within = ({ path }: NamespaceView, ...command: readonly string[]): ArgumentVector => [
  'nsenter',
  `--net=${path}`,
  '--',
  ...command,
]
