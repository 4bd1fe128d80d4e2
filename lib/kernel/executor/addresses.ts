/**
 * Steps that give links addresses and routes.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import type { AddressStep, RouteStep } from '../../plan/step.ts'
import { addrAdd, addrDel } from '../netlink/addr.ts'
import { type Route, routeAdd, routeDel } from '../netlink/route.ts'
import { type Device, type Handler, inside, type SideView } from './handler.ts'

const deviceOf = ({ where, dev }: AddressStep | RouteStep): Device => ({ where, name: dev })

function indexIn(side: SideView | undefined, name: string): number | undefined {
  return side?.links.find((link) => link.name === name)?.index
}

export const address: Handler<'address'> = {
  doing: ({ cidr, dev, where }) => `adding ${cidr} to ${dev}${inside(where)}`,
  apply: {
    by: 'messages',
    devices: (step) => [deviceOf(step)],
    messages: (step, indexOf) => [addrAdd(indexOf(deviceOf(step)), step.cidr)],
    exists: () => ({ created: false }),
  },
  undo: { by: 'messages', device: deviceOf, messages: ({ cidr }, index) => [addrDel(index, cidr)] },
  holds: ({ where, dev, cidr }, view) => {
    const index = indexIn(view[where], dev)
    return view[where]?.addresses.some((found) => found.index === index && found.cidr === cidr) === true
  },
}

export const route: Handler<'route'> = {
  doing: (step) => `adding route ${routeText(step)}${inside(step.where)}`,
  apply: {
    by: 'messages',
    devices: (step) => [deviceOf(step)],
    messages: (step, indexOf) => [routeAdd(step, indexOf(deviceOf(step)))],
    exists: (step, view) => {
      const side = view[step.where]
      if (findRoute(side, step) !== undefined) return { created: false }
      const other = side?.routes.find(({ to }) => to === step.to)
      const dev = side?.links.find(({ index }) => index === other?.out)?.name
      const text = other === undefined ? 'another one' : routeText({ ...other, dev: dev ?? '?' })
      throw fail('TSNET_STEP_FAILED', {
        message: `${route.doing(step)}: ${text} is there already`,
        hint: `see \`ip route\`${inside(step.where)}; remove it, or give one of them another metric`,
      })
    },
  },
  undo: { by: 'messages', device: deviceOf, messages: (step, index) => [routeDel(step, index)] },
  holds: (step, view) => findRoute(view[step.where], step) !== undefined,
}

function findRoute(side: SideView | undefined, step: RouteStep): Route | undefined {
  const out = indexIn(side, step.dev)
  return side?.routes.find((found) => {
    if (found.to !== step.to || found.via !== step.via || found.out !== out) return false
    // Without a wish the kernel takes 0 for IPv4 and 1024 for IPv6.
    return step.metric === undefined || found.metric === step.metric
  })
}

function routeText({
  to,
  via,
  dev,
}: Pick<RouteStep, 'to' | 'dev'> & { readonly via?: string | undefined }): string {
  const target = to === '0.0.0.0/0' || to === '::/0' ? 'default' : to
  return `${target}${via === undefined ? '' : ` via ${via}`} dev ${dev}`
}
