/**
 * Examples of the commands that find out what is wrong.
 *
 * @module
 */

import type { Example } from './example.ts'

export const diagnoseExamples: readonly Example[] = [
  {
    command: 'doctor',
    about: 'what is wrong here, and what mends it?',
    script: ['tsnet doctor'],
    given: ['offline', 'web'],
    onRootPage: true,
  },
  {
    command: 'doctor',
    about: 'mend what can be mended without harm, for one container',
    script: ['tsnet doctor web --fix'],
    given: ['offline', 'web'],
  },
  {
    command: 'doctor',
    about: 'for a script: warnings (5) are well, packets lost (6) are not',
    script: ['tsnet doctor -q || [ $? -eq 5 ]'],
    given: ['offline', 'web'],
  },
]
