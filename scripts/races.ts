import { parseArgs } from 'node:util'
import { race } from '../test/effects/filesystem/race.ts'

/**
 * Lets the file system provider act on names that a second process swaps as fast as it can, and looks whether anything led out
 * of the mounts: `node scripts/races.ts --tries 100000 [--seed N]`.
 *
 * The last line is a JSON object; exits 1 when anything led out.
 */
const { values } = parseArgs({
  options: { tries: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' } },
})
const seed = Number(values.seed)
const startMs = performance.now()
const seconds = (): number => Math.round((performance.now() - startMs) / 100) / 10

const { escapes, ...counts } = await race({
  tries: Number(values.tries),
  seed,
  onProgress: ({ tries, ok, refused, failed, uncertain }) => {
    if (tries % 10_000 !== 0) return
    console.log(
      `${tries} tries: ${ok} ok, ${refused} refused, ${failed} failed, ${uncertain} uncertain, ${seconds()} s`,
    )
  },
})
for (const escape of escapes.slice(0, 20)) console.error(escape)
console.log(JSON.stringify({ ...counts, escapes: escapes.length, seed, seconds: seconds() }))
process.exitCode = escapes.length === 0 ? 0 : 1
