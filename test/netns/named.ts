/**
 * Containers that are set up already, by name.
 *
 * @module
 */
import type { Container, Host } from '../../netns-fixtures/host.ts'
import type { Lab } from '../../netns-fixtures/lab.ts'
import { linksUp } from './traceless.ts'

/** On the default network, over nftables, with links that are up: one packet is all that some tests send. @param flags of `tsnet setup`, for each name */
export async function setUpNamed<Name extends string>(
  { lab, host }: { readonly lab: Lab; readonly host: Host },
  flags: Readonly<Record<Name, readonly string[]>>,
): Promise<Record<Name, Container>> {
  const boxes: Partial<Record<Name, Container>> = {}
  // One after the other: their addresses are those of their order.
  for (const [name, more] of Object.entries(flags) as [Name, readonly string[]][]) {
    const box = await lab.container(host)
    await host.tsnet(
      'setup',
      '--firewall',
      'nftables',
      '--container-name',
      name,
      '--pid',
      String(box.pid),
      ...more,
    )
    await linksUp(box, 'eth0')
    boxes[name] = box
  }
  return boxes as Record<Name, Container>
}
