/**
 * A set-up that is killed at one of its steps: `killed.ts REQUEST NTH PHASE`.
 *
 * REQUEST is a document as `tsnet setup --config` takes it, NTH counts the file
 * steps from 0, PHASE is `before` or `after`. Ends by SIGKILL.
 *
 * @module
 */
import { decodeSetupRequest, engineOn } from '../../../lib/index.ts'
import { createLinuxKernel } from '../../../lib/kernel/linux.ts'

const [document = '{}', nth = '0', phase] = process.argv.slice(2)
let met = 0
const kernel = createLinuxKernel({
  onStep: (step, now) => {
    if (step.kind !== 'file' || now !== phase) return
    if (met++ === Number(nth)) process.kill(process.pid, 'SIGKILL')
  },
})
const engine = await engineOn(kernel)
await engine.setup(decodeSetupRequest(JSON.parse(document)))
