/**
 * What an interface has carried, as the kernel counts it.
 *
 * @see struct rtnl_link_stats64 in include/uapi/linux/if_link.h
 * @module
 */

/** Since the link was made; bytes with Ethernet headers. */
export interface TrafficCounters {
  readonly rxBytes: number
  readonly txBytes: number
  readonly rxPackets: number
  readonly txPackets: number
  /** Dropped by the kernel on the way in and out, not by packet rules. */
  readonly rxDropped: number
  readonly txDropped: number
  readonly errors: number
}
