/**
 * `firewall-reload` puts packet rules back once; `firewalld-reload` does so now
 * and whenever firewalld says that it has been reloaded, until it is ended.
 *
 * @module
 */

import type { Call } from './call.ts'
import { onReload } from './firewalldbus.ts'

export async function firewallReload(call: Call): Promise<string> {
  const count = await (await call.engine()).reapplyRules()
  call.log('info', 'commands::firewall_reload', `${count} steps applied anew`)
  return ''
}

export async function firewalldReload(call: Call): Promise<string> {
  await firewallReload(call)
  await onReload(call.env['DBUS_SYSTEM_BUS_ADDRESS'], async () => {
    await firewallReload(call)
  })
  return ''
}
