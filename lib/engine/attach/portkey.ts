/**
 * The reservation that stands for a port binding.
 *
 * @module
 */

import type { PortBinding } from '../../model/portmapping.ts'
import type { PortKey } from '../../state/reservations.ts'

export function portKey(binding: PortBinding): PortKey {
  const { protocol, hostAddress, hostPort, count } = binding
  return { protocol, address: hostAddress ?? 'any', port: hostPort, count }
}
