/**
 * A driver as somebody else would write it: containers sit on the network of an interface of the host, each with a MAC
 * of its own. It decides only; carrying out, journal and way back are tsnet's.
 */
import { type Driver, defineDriver } from 'tsnet'

export const macvlan: Driver = defineDriver({
  name: 'macvlan',
  about: 'containers on the network of an interface of the host',
  options: { parent: 'the interface of the host', mode: 'bridge (default), private or vepa' },
  network: ({ options }) => {
    if (options['parent'] === undefined)
      throw new Error('the option parent is needed: an interface of the host')
    return []
  },
  endpoint: ({ network: { options }, ifname, mac, mtuBytes }) => {
    const { parent, mode = 'bridge' } = options
    const link = `link ${parent} name ${ifname} netns $NETNS address ${mac} mtu ${mtuBytes} type macvlan mode ${mode}`
    return {
      host: [
        { kind: 'batch', where: 'host', tool: 'ip', add: [`link add ${link}`], remove: [] },
        // It is taken back where it lives.
        { kind: 'batch', where: 'sandbox', tool: 'ip', add: [], remove: [`link delete ${ifname}`] },
      ],
    }
  },
})
