/**
 * Links of a host that plans are made for.
 *
 * @module
 */
import type { LinkDetail } from '../../../../lib/drivers/cni/part.ts'

/** A link that is up and has no address, but for what `more` says. */
export const link = (name: string, more: Partial<LinkDetail> = {}): LinkDetail => ({
  index: 2,
  name,
  kind: '',
  mac: '52:54:00:00:00:01',
  mtuBytes: 1500,
  up: true,
  promisc: false,
  allmulti: false,
  queueLength: 1000,
  addresses: [],
  ...more,
})
