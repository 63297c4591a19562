import type { Reporter, TestCase, TestModule, Vitest } from 'vitest/node'

/**
 * Counts the tests that were skipped, by their reason. A suite that needs a tool which is not here says so, and how to get it, in
 * its name (`test/tool.ts`); a single test says it as the note of its skip. With `CI` set a skip is a failure, and so is, anywhere,
 * a skip without a reason.
 */
export class SkipReporter implements Reporter {
  #isFiltered = false

  onInit(vitest: Vitest): void {
    this.#isFiltered = vitest.config.testNamePattern !== undefined
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    if (this.#isFiltered) return
    const skipped = countSkipped(modules)
    if (skipped.size === 0) return
    console.log(summaryOf(skipped))
    if (isCi() || skipped.has(noReason)) {
      console.error('a skipped test counts as failed here')
      process.exitCode = 1
    }
  }
}

const noReason = 'no reason given'

function countSkipped(modules: Iterable<TestModule>): ReadonlyMap<string, number> {
  const skipped = new Map<string, number>()
  for (const module of modules) {
    for (const test of module.children.allTests('skipped')) {
      const reason = noteOf(test) ?? needOf(test) ?? noReason
      skipped.set(reason, (skipped.get(reason) ?? 0) + 1)
    }
  }
  return skipped
}

function noteOf(test: TestCase): string | undefined {
  const result = test.result()
  return result.state === 'skipped' ? result.note : undefined
}

/** `needs <tool> (<how to get it>)`, from the name of the nearest suite that says so. */
function needOf(test: TestCase): string | undefined {
  for (let suite = test.parent; suite.type === 'suite'; suite = suite.parent) {
    const need = /^needs \S+ \(.*?\)(?=: )/.exec(suite.name)?.[0]
    if (need !== undefined) return need
  }
  return undefined
}

function summaryOf(skipped: ReadonlyMap<string, number>): string {
  const total = [...skipped.values()].reduce((sum, count) => sum + count, 0)
  const lines = [...skipped].map(([reason, count]) => `  ${String(count).padStart(3)} × ${reason}`)
  return [`\n${total} skipped`, ...lines, ''].join('\n')
}

function isCi(): boolean {
  const value = process.env['CI']
  return value !== undefined && value !== '' && value !== '0' && value !== 'false'
}
