import { toHex } from '../../base/bytes.ts'
import { sameHash } from './log-files.ts'
import type { Problem, ProblemCode } from './problem.ts'

/**
 * Tells by leaf hashes how the entries that a bundle holds differ from those that were logged: which was altered, put in, taken
 * out, or moved.
 *
 * @param start `seq` of the first entry of the bundle
 */
export function differences(
  held: readonly Uint8Array[],
  logged: readonly Uint8Array[],
  start: number,
  file: string,
): Problem[] {
  const placeInLog = places(logged)
  const placeInBundle = places(held)
  const problems: Problem[] = []
  const note = (code: ProblemCode, at: number, message: string): void => {
    problems.push({ code, seq: start + at, file, message })
  }
  /** How many places further back the entries of the log stand than in the bundle, after what was put in or taken out. */
  let shift = 0
  for (const [at, hash] of held.entries()) {
    const expected = at + shift
    if (sameHash(hash, logged[expected])) continue
    const there = placeInLog.get(toHex(hash))
    const displaced = expected >= logged.length || placeInBundle.has(toHex(logged[expected] as Uint8Array))
    if (there === undefined && displaced) {
      note('entry_inserted', at, 'an entry stands here that was not logged')
      shift--
    } else if (there === undefined) {
      note('entry_altered', expected, 'these are not the bytes that were logged')
    } else if (there > expected && !displaced) {
      for (let gone = expected; gone < there; gone++) note('entry_removed', gone, 'the entry was taken out')
      shift = there - at
    } else {
      note('wrong_order', at, `entry ${start + there} stands in its place`)
    }
  }
  const rest = held.length + shift
  if (rest < logged.length)
    note('truncated', rest, `${logged.length - rest} entries are missing at the end of the bundle`)
  return problems
}

function places(hashes: readonly Uint8Array[]): Map<string, number> {
  return new Map(hashes.map((hash, at) => [toHex(hash), at]))
}
