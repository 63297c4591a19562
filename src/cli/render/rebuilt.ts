import type { Rebuilt } from '../../kernel/rebuild.ts'
import { facts, indented } from './layout.ts'
import type { Paint } from './paint.ts'

/** What a rebuild of the index made, for people. */
export function rebuildLines(
  { treeSize, keys, resolves, undos, withoutAnswer, former }: Rebuilt,
  paint: Paint,
): string[] {
  const pairs: [string, string][] = [
    ['reflects', `${treeSize} entries: ${keys} idempotency keys, ${resolves} resolutions, ${undos} undos`],
    ['before', formerWords(former)],
  ]
  if (withoutAnswer > 0) {
    const what = `the vault no longer has the answers of ${withoutAnswer} keys: a retry under one is a conflict`
    pairs.push(['lost', paint.wait(what)])
  }
  return [paint.good(paint.strong('rebuilt')), ...indented(facts(pairs, paint), 2)]
}

function formerWords({ was, wrongRows, missingRows }: Rebuilt['former']): string {
  switch (was) {
    case 'missing':
      return 'there was none'
    case 'sound':
      return 'the old one said the same'
    case 'wrong':
      return `the old one had ${wrongRows} rows that the log does not bear out, and lacked ${missingRows}: someone changed it`
    default:
      return `the old one was ${was}`
  }
}
