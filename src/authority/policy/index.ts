/**
 * The policy room: one file says what may happen, and this room reads it, compiles it and answers questions. Pure: text and
 * questions in, values out.
 */
export type { Surroundings } from './check-options.ts'
export { explainQuestion, type ConsideredRule, type Explanation } from './explain.ts'
export { checkPolicy, loadPolicy, policyFromObject, type LoadOptions, type PolicyCheck } from './load.ts'
export { runPolicyTests, type PolicyTestOptions, type PolicyTestReport, type PolicyTestResult } from './test-cases.ts'
export { addRules, type Addition, type AdditionReading } from './addition.ts'
export { Bounds, type Bounded, type Unknowns } from './bounds.ts'
export { wasDecidedByPolicy, type PastDecision, type PastRequest } from './past.ts'
export { Replay, type Judgement, type Missing, type ReplayOptions } from './replay.ts'
export { flowOfRule, type RuleText } from './rule-text.ts'
export { actionsToldByParams, type Observation } from './observation.ts'
export { suggestPolicy, type SuggestOptions, type Suggestion } from './suggest.ts'
export { smallestRules } from './smallest-rule.ts'
export type { CompiledPolicy } from './compiled-policy.ts'
export type { Obligations, Policy, PolicyProblem, Question, Verdict } from './types.ts'
