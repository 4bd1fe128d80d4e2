/**
 * The order of test files. Vitest begins with those that took longest the last time, and in a fresh clone, where it knows
 * of none, with the largest: the help's examples, a few lines and minutes of work, would run alone at the end.
 *
 * @module
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Files that take much longer than their size says, the longest first. */
const long: readonly string[] = ['060-help', '061-help', '440-docker', '600-kills', '670-rules', '500-undo']

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const found = long.findIndex((start) => moduleId.includes(`/netns/${start}`))
      return found === -1 ? long.length : found
    }
    return (await super.sort(files)).sort((one, other) => rank(one) - rank(other))
  }
}
