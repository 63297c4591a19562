import { parseArgs } from 'node:util'
import { runSequences } from '../test/undo/sequences.ts'

/**
 * Runs random sequences of file actions on random trees, undoes them in reverse, and holds the tree against what it was at every
 * step: `node scripts/undo.ts --sequences 10000 [--seed N]`. Faster with TMPDIR on a file system in memory.
 *
 * The last line is a JSON object; exits 1 when anything was not as before.
 */
const { values } = parseArgs({
  options: { sequences: { type: 'string', default: '10000' }, seed: { type: 'string', default: '1' } },
})
const seed = Number(values.seed)
const startMs = performance.now()
const seconds = (): number => Math.round((performance.now() - startMs) / 100) / 10

const { problems, ...counts } = await runSequences({
  sequences: Number(values.sequences),
  seed,
  onSequence: ({ sequences, actions, undone }) => {
    if (sequences % 1000 === 0)
      console.log(`${sequences} sequences: ${actions} actions, ${undone} undone, ${seconds()} s`)
  },
})
for (const problem of problems) console.error(problem)
console.log(JSON.stringify({ ...counts, problems: problems.length, seed, seconds: seconds() }))
process.exitCode = problems.length === 0 ? 0 : 1
