/**
 * A network by the word somebody types for it.
 *
 * @module
 */

import type { Engine } from '../../../lib/index.ts'
import type { Lib } from '../command.ts'

/** What is there by that name; else `bridge` and `default` mean the default network. nerdctl's first network of CNI is called `bridge`. */
export async function knownNetwork(
  engine: Pick<Engine, 'listNetworks'>,
  word: string,
  { meantNetwork }: Pick<Lib, 'meantNetwork'>,
): Promise<string> {
  const meant = meantNetwork(word)
  if (meant === word) return word
  const there = await engine.listNetworks()
  return there.some(({ config }) => config.name === word) ? word : meant
}
