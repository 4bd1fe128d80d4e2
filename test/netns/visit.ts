/**
 * Somebody of another namespace who looks into one, as `tsnet ps` does.
 *
 * @module
 */
import { createRequire } from 'node:module'
import { type Place, repository } from '../../netns-fixtures/place.ts'

/** @returns once it is inside: what lets it go back, and resolves with its exit code */
export async function visit(home: Place, netns: string): Promise<() => Promise<number>> {
  const loader = createRequire(import.meta.url).resolve('tsx')
  const visitor = home.start([process.execPath, '--import', loader, 'test/netns/agents/visitor.ts', netns], {
    cwd: repository,
  })
  await visitor.waitFor('inside')
  return async () => {
    visitor.write('\n')
    await visitor.waitFor('back')
    return await visitor.exited
  }
}
