import { runPolicyTests, type PolicyTestReport } from '../../authority/policy/index.ts'
import { visible } from '../../base/display.ts'
import { limits } from '../../base/limits.ts'
import { readPolicy } from '../../kernel/policy-source.ts'
import { exitCodes } from '../exit-code.ts'
import { readTextFile } from '../given-files.ts'
import { resourcesOf } from '../questions.ts'
import { textLines } from '../render/layout.ts'
import type { World } from '../world.ts'
import { problemLine } from './policy-check.ts'

interface TestedFile extends PolicyTestReport {
  readonly file: string
}

/** Asks the policy the cases of each file. Exits 2 for a file that holds no cases, 6 when one comes out otherwise. */
export function policyTest({ terminal, places }: World, files: readonly string[]): number {
  const policy = readPolicy(places.policy)
  const timeMs = Date.now()
  const tested = files.map((file): TestedFile => {
    const text = Buffer.from(readTextFile(file, limits.policyBytes)).toString('utf8')
    return { file, ...runPolicyTests(policy, text, { timeMs, resourcesOf }) }
  })
  const results = tested.flatMap((each) => each.results)
  const failed = results.filter(({ ok }) => !ok).length
  const problems = tested.flatMap((each) => each.problems.map((problem) => ({ file: each.file, ...problem })))
  const uncovered = uncoveredByAll(tested)
  const ok = failed === 0 && problems.length === 0
  if (terminal.isJson) {
    const named = tested.flatMap((each) => each.results.map((result) => ({ file: each.file, ...result })))
    terminal.json({ ok, passed: results.length - failed, failed, problems, results: named, uncovered })
  } else {
    terminal.say(...tested.flatMap((each) => linesOf(each, terminal)))
    terminal.say(`${results.length - failed} passed, ${failed} failed${uncoveredWords(uncovered)}`)
  }
  return problems.length > 0 ? exitCodes.usage : ok ? exitCodes.ok : exitCodes.unverified
}

function linesOf({ file, problems, results }: TestedFile, { paint }: World['terminal']): string[] {
  const wrong = results.filter(({ ok }) => !ok)
  return [
    ...problems.map((problem) => problemLine(problem, file, paint.bad('error'))),
    ...wrong.flatMap(({ line, action, resource, message = '' }) => [
      `${paint.bad('✗')} ${visible(file)}:${line}  ${visible(action)} ${paint.name(visible(resource))}`,
      ...textLines(message).map((text) => `    ${text}`),
    ]),
  ]
}

function uncoveredByAll(tested: readonly TestedFile[]): readonly string[] {
  const [first, ...rest] = tested
  return (first?.uncovered ?? []).filter((id) => rest.every(({ uncovered }) => uncovered.includes(id)))
}

function uncoveredWords(ids: readonly string[]): string {
  return ids.length === 0 ? '; every rule decided a case' : `; no case is decided by ${ids.join(', ')}`
}
