/**
 * `firewall-reload` puts packet rules back once; `firewalld-reload` does so now
 * and whenever firewalld says that it has been reloaded, until it is ended.
 *
 * @module
 */

import { setTimeout as sleep } from 'node:timers/promises'
import type { Call } from './call.ts'
import { onReload } from './firewalldbus.ts'

export async function firewallReload(call: Call): Promise<string> {
  const count = await (await call.engine()).reapplyRules()
  call.log('info', 'commands::firewall_reload', `${count} steps applied anew`)
  return ''
}

export async function firewalldReload(call: Call): Promise<string> {
  await firewallReload(call)
  await onReload(call.env['DBUS_SYSTEM_BUS_ADDRESS'], () => persistently(call))
  return ''
}

const tries = 5
const pauseMs = 200

/** firewalld, or whoever has reloaded it, may still be changing the rules that are looked at. */
async function persistently(call: Call): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await firewallReload(call)
      return
    } catch (error) {
      if (attempt === tries) throw error
      call.log('warn', 'commands::firewalld_reload', `tried again: ${String(error)}`)
      await sleep(attempt * pauseMs)
    }
  }
}
