/**
 * The sysctls the memory kernel has, and their values in a fresh namespace.
 *
 * Others do not exist there, as on a kernel built without them.
 *
 * @module
 */

const plain: Readonly<Record<string, string>> = {
  'net/core/somaxconn': '4096',
  'net/ipv4/ip_forward': '0',
  'net/ipv4/ip_local_port_range': '32768 60999',
  'net/ipv4/ip_local_reserved_ports': '',
  'net/ipv4/ip_unprivileged_port_start': '1024',
  'net/ipv4/ping_group_range': '1 0',
  'net/ipv4/tcp_syncookies': '1',
}

const perInterface: Readonly<Record<string, string>> = {
  'ipv4/forwarding': '0',
  'ipv4/route_localnet': '0',
  'ipv4/rp_filter': '0',
  'ipv6/accept_dad': '1',
  'ipv6/accept_ra': '1',
  'ipv6/disable_ipv6': '0',
  'ipv6/forwarding': '0',
}

/** What is a number stays one. */
export function takesValue(key: string, value: string): boolean {
  const now = defaultSysctl(key)
  return now === undefined || !/^\d+$/.test(now) || /^-?\d+$/.test(value)
}

/** @returns undefined where the kernel has no such key */
export function defaultSysctl(key: string): string | undefined {
  const [, family, setting] = /^net\/(ipv[46])\/conf\/[^/]+\/([^/]+)$/.exec(key) ?? []
  return family === undefined ? plain[key] : perInterface[`${family}/${setting}`]
}
