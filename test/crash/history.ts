import { canonicalJson } from '../../src/base/canonical-json.ts'
import type { JsonObject } from '../../src/base/json.ts'
import type { Outcome } from '../../src/index.ts'
import type { Ask } from './workload.ts'

/** What the parent of killed processes knows of one data directory. */
export class History {
  /** All that may have been asked, by name. */
  readonly asked: Map<string, Ask> = new Map()
  /** What was answered, by name: the first answer. */
  readonly answered: Map<string, Outcome> = new Map()
  /** Entries in published files, the most seen. */
  publishedSize = 0

  /** The same knowledge, to which nothing is added when this learns more. */
  copy(): History {
    const copy = new History()
    for (const [name, ask] of this.asked) copy.asked.set(name, ask)
    for (const [name, outcome] of this.answered) copy.answered.set(name, outcome)
    copy.publishedSize = this.publishedSize
    return copy
  }

  ask(asks: Iterable<Ask>): void {
    for (const ask of asks) this.asked.set(ask.name, ask)
  }

  /** Takes an acknowledgement. @returns what is wrong with it, when it contradicts an earlier one */
  answer(name: string, outcome: Outcome): string | undefined {
    const before = this.answered.get(name)
    if (before === undefined) this.answered.set(name, outcome)
    return before === undefined || isSameAnswer(before, outcome) ? undefined : `\`${name}\` got two answers`
  }
}

/** Whether a retry got what the first request got; only how long it took may differ. */
export function isSameAnswer(a: Outcome, b: Outcome): boolean {
  return textOf(a) === textOf(b)
}

function textOf(outcome: Outcome): string {
  return canonicalJson({ ...outcome, durationMs: 0 } as unknown as JsonObject)
}
