/**
 * A network by the word somebody types for it.
 *
 * @module
 */

import type { Session } from '../command.ts'

type Knowing = Pick<Session, 'lib' | 'engine'>

/** What is there by that name; else `bridge` and `default` mean the default network. nerdctl's first network of CNI is called `bridge`. */
export async function knownNetwork(word: string, session: Knowing): Promise<string> {
  const { meantNetwork } = await session.lib()
  const meant = meantNetwork(word)
  if (meant === word) return word
  const there = await (await session.engine()).listNetworks()
  return there.some(({ config }) => config.name === word) ? word : meant
}

/** The same of a word that must be a name at least. @throws TSNET_BAD_VALUE (invalid) */
export async function readKnownNetwork(word: string, field: string, session: Knowing): Promise<string> {
  const { readJoinedNetwork } = await session.lib()
  readJoinedNetwork(word, field)
  return knownNetwork(word, session)
}
