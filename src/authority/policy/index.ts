/**
 * The policy room: one file says what may happen, and this room reads it, compiles it and answers questions. Pure: text and
 * questions in, values out.
 */
export { explainQuestion, type ConsideredRule, type Explanation } from './explain.ts'
export { checkPolicy, loadPolicy, policyFromObject, type LoadOptions, type PolicyCheck } from './load.ts'
export { runPolicyTests, type PolicyTestOptions, type PolicyTestReport, type PolicyTestResult } from './test-cases.ts'
export type { CompiledPolicy } from './compiled-policy.ts'
export type { Obligations, Policy, PolicyProblem, Question, Verdict } from './types.ts'
