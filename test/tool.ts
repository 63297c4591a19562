/* oxlint-disable vitest/no-conditional-tests, vitest/valid-title, vitest/no-disabled-tests, vitest/valid-describe-callback, vitest/expect-expect -- this file makes suites for others and is none itself */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe, test } from 'vitest'

type Suite = (name: string, body: () => void) => unknown

/**
 * `describe` where a system tool is there. Where it is missing the suite is skipped and counted, and the reporter in
 * `scripts/skip-reporter.ts` prints how to get it; in CI a missing tool is a failure.
 *
 * @param how as `install Go 1.22 or later: apt-get install golang`
 * @param works whether the tool can do what the suite asks of it; default: a program of that name is on the path
 */
export function needs(tool: string, how: string, works: () => boolean = () => isOnPath(tool)): Suite {
  if (works()) return describe
  // What is there and does not work, a container may forbid: that is counted as well.
  if (isCi() && !isOnPath(tool)) {
    return (name) =>
      describe(name, () => {
        test(`has ${tool}`, () => {
          throw new Error(`\`${tool}\` is missing, and in CI nothing is skipped; ${how}`)
        })
      })
  }
  // the reporter reads the need from this name
  return (name, body) => describe.skip(`needs ${tool} (${how}): ${name}`, body)
}

export function isOnPath(tool: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => isExecutable(join(folder, tool)))
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function isCi(): boolean {
  return !['', '0', 'false'].includes(process.env['CI'] ?? '')
}
