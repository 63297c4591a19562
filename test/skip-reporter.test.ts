import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { TestModule } from 'vitest/node'
import { SkipReporter } from '../scripts/skip-reporter.ts'

/** A run whose skipped tests stand in suites of these names; a note is what a test said itself. */
function aRun(...skipped: readonly { readonly suite?: string; readonly note?: string }[]): TestModule[] {
  const file = { type: 'module' }
  const tests = skipped.map(({ suite, note }) => ({
    parent:
      suite === undefined
        ? file
        : { type: 'suite', name: 'inner', parent: { type: 'suite', name: suite, parent: file } },
    result: () => ({ state: 'skipped', note }),
  }))
  return [{ children: { allTests: () => tests } } as unknown as TestModule]
}

describe('skipped tests', () => {
  const printed: string[] = []
  let exitCode: typeof process.exitCode

  beforeEach(() => {
    exitCode = process.exitCode
    printed.length = 0
    vi.spyOn(console, 'log').mockImplementation((text: string) => void printed.push(text))
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
  })

  afterEach(() => {
    process.exitCode = exitCode
    vi.restoreAllMocks()
    vi.unstubAllEnvs()
  })

  const needed = { suite: 'needs go (apt-get install golang): verifies our log' }

  test('are counted by the tool that they need, with how to get it', () => {
    vi.stubEnv('CI', '')
    new SkipReporter().onTestRunEnd(aRun(needed, needed, { note: 'needs jq (apt-get install jq)' }))
    expect(printed.join('')).toContain('3 skipped')
    expect(printed.join('')).toContain('2 × needs go (apt-get install golang)')
    expect(printed.join('')).toContain('1 × needs jq (apt-get install jq)')
    expect(process.exitCode).toBe(exitCode)
  })

  test('are failures in CI', () => {
    vi.stubEnv('CI', '1')
    new SkipReporter().onTestRunEnd(aRun(needed))
    expect(process.exitCode).toBe(1)
  })

  test('are failures anywhere when they give no reason', () => {
    vi.stubEnv('CI', '')
    new SkipReporter().onTestRunEnd(aRun({ suite: 'a suite' }))
    expect(process.exitCode).toBe(1)
  })

  test('that are none change nothing', () => {
    vi.stubEnv('CI', '1')
    new SkipReporter().onTestRunEnd(aRun())
    expect(printed).toEqual([])
    expect(process.exitCode).toBe(exitCode)
  })
})
