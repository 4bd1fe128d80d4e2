/**
 * A vitest reporter that ends a run with one plain line, `N passed, N failed`,
 * for `.ci/run` and for people who pipe: vitest's own summary is coloured and
 * differs between versions. A file that could not be loaded counts as one failure,
 * an error outside every test as another.
 *
 * @module
 */
export default class ClosingLine {
  onTestRunEnd(files, errors) {
    const count = { passed: 0, failed: errors.length, skipped: 0 }
    for (const file of files) {
      const states = [...file.children.allTests()].map((test) => test.result().state)
      for (const state of states) if (state in count) count[state]++
      if (file.state() === 'failed' && !states.includes('failed')) count.failed++
    }
    const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : ''
    console.log(`${count.passed} passed, ${count.failed} failed${skipped}`)
  }
}
