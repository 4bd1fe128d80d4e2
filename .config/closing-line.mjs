/**
 * A vitest reporter that ends a run with plain lines for `.ci/run` and for people
 * who pipe: `failed test: FILE > TITLE` for each that failed, then `N passed, N failed`.
 * vitest's own summary is coloured, differs between versions and is long. A file
 * that could not be loaded counts as one failure, an error outside every test as
 * another.
 *
 * @module
 */
export default class ClosingLine {
  onTestRunEnd(files, errors) {
    const count = { passed: 0, failed: errors.length, skipped: 0 }
    for (const file of files) {
      const tests = [...file.children.allTests()].map((test) => ({
        title: test.fullName,
        state: test.result().state,
      }))
      for (const { title, state } of tests) {
        if (state in count) count[state]++
        if (state === 'failed') console.log(`failed test: ${file.relativeModuleId} > ${title}`)
      }
      if (file.state() === 'failed' && !tests.some(({ state }) => state === 'failed')) {
        count.failed++
        console.log(`failed test: ${file.relativeModuleId}, which could not be loaded`)
      }
    }
    for (const error of errors) console.log(`failed test: none, an error outside of them: ${error.message}`)
    const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : ''
    console.log(`${count.passed} passed, ${count.failed} failed${skipped}`)
  }
}
