import {
  runPolicyTests,
  type CompiledPolicy,
  type PolicyTestReport,
  type PolicyTestResult,
} from '../../authority/policy/index.ts'
import { visible } from '../../base/display.ts'
import { limits } from '../../base/limits.ts'
import { readPolicy } from '../../kernel/policy-source.ts'
import { exitCodes } from '../exit-code.ts'
import { readTextFile } from '../given-files.ts'
import { resourcesOf } from '../questions.ts'
import { padded, textLines } from '../render/layout.ts'
import type { Paint } from '../render/paint.ts'
import type { World } from '../world.ts'
import { problemLine } from './policy-check.ts'

export interface PolicyTestingOptions {
  readonly coverage?: true | undefined
}

interface TestedFile extends PolicyTestReport {
  readonly file: string
}

/** Asks the policy the cases of each file. Exits 2 for a file that holds no cases, 6 when one comes out otherwise. */
export function policyTest(
  { terminal, places }: World,
  files: readonly string[],
  options: PolicyTestingOptions = {},
): number {
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
    const coverage = options.coverage === true && { coverage: coverageOf(policy, results) }
    terminal.json({ ok, passed: results.length - failed, failed, problems, results: named, uncovered, ...coverage })
  } else {
    terminal.say(...tested.flatMap((each) => linesOf(each, terminal)))
    if (options.coverage === true) terminal.say(...coverageLines(coverageOf(policy, results), terminal.paint))
    terminal.say(`${results.length - failed} passed, ${failed} failed${uncoveredWords(uncovered)}`)
  }
  return problems.length > 0 ? exitCodes.usage : ok ? exitCodes.ok : exitCodes.unverified
}

/** How many cases a rule decided. */
interface RuleCoverage {
  readonly id: string
  readonly line: number
  readonly cases: number
}

function coverageOf(policy: CompiledPolicy, results: readonly PolicyTestResult[]): readonly RuleCoverage[] {
  const counts = new Map<string, number>()
  for (const id of results.flatMap(({ verdict }) => verdict.rules)) counts.set(id, (counts.get(id) ?? 0) + 1)
  const { rules, accessEntries } = policy.book
  return [...rules, ...accessEntries].map(({ id, at }) => ({ id, line: at.line, cases: counts.get(id) ?? 0 }))
}

function coverageLines(coverage: readonly RuleCoverage[], paint: Paint): string[] {
  const width = Math.max(0, ...coverage.map(({ id }) => id.length))
  const touched = coverage.filter(({ cases }) => cases > 0).length
  return [
    `${touched} of ${coverage.length} rules decided a case`,
    ...coverage.map(({ id, line, cases }) => {
      const mark = cases > 0 ? paint.good('●') : paint.bad('○')
      return `  ${mark} ${padded(id, width)}  ${line === 0 ? '' : `line ${line}: `}${cases === 1 ? '1 case' : `${cases} cases`}`
    }),
  ]
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
