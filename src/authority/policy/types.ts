import type { JsonObject } from '../../base/json.ts'
import type { Principal } from '../../base/principal.ts'
import type { ReasonCode } from '../../base/reasons.ts'

/** What the gate asks of a policy. All of it canonical; `params` are those that were sent, without defaults. */
export interface Question {
  readonly principal: Principal
  readonly agent: string
  readonly action: string
  /** The first is the resource of the request; an action with two is judged on each. */
  readonly resources: readonly string[]
  readonly params: JsonObject
  readonly timeMs: number
}

/** What a permit asks for in return, merged to the strictest over all rules that matched. */
export interface Obligations {
  readonly approval?: 'required' | 'review'
  readonly undo?: 'required' | 'on' | 'off'
  /** Units per meter; the highest of all matching rules. */
  readonly cost?: Readonly<Record<string, number>>
  /** What is permitted beside: addresses that are not public. */
  readonly network?: 'private'
  /** The request that takes it back; `conflicting` where rules that matched name different ones, so that none is meant. */
  readonly compensate?: Compensation | 'conflicting'
}

/** A request by which another one is taken back. Its texts may hold references, read by `readTemplate`. */
export interface Compensation {
  readonly action: string
  readonly resource: string
  readonly params?: JsonObject
}

/** A decision as a value, with what determined it. */
export interface Verdict {
  readonly effect: 'permit' | 'forbid' | 'hold'
  readonly reason: ReasonCode
  /** The ids of the rules that determined it: `allow[0]`, `capabilities[2]`, `deny[1]`, `access[0]`. */
  readonly rules: readonly string[]
  readonly message: string
  /** For a refusal: the smallest rule that would allow it, ready to paste, or what to change. */
  readonly hint?: string
  readonly obligations: Obligations
  /** Sensitivity by `classify`; absent means `internal`. */
  readonly class?: string
}

/**
 * Something wrong, or worth a warning, in a policy. Line and column count from 1; both are 0 for a policy that was given as
 * an object, where `path` alone says the place.
 */
export interface PolicyProblem {
  readonly line: number
  readonly column: number
  /** As `allow[0].action`; absent for the whole document. */
  readonly path?: string
  readonly code: string
  readonly message: string
}

/** One policy, compiled. Immutable: a reload makes another. */
export interface Policy {
  /** SHA-256 of the file's bytes, hex. */
  readonly digest: string
  /** Names that agents see → absolute folders; undefined where the policy has no `mounts` and names host paths itself. */
  readonly mounts: ReadonlyMap<string, string> | undefined
  readonly warnings: readonly PolicyProblem[]
  decide(question: Question): Verdict
}
