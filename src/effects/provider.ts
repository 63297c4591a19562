import type { JsonObject, JsonValue } from '../base/json.ts'
import type { ReasonCode } from '../base/reasons.ts'

/**
 * Makes effects happen for the gate: a named set of actions. Nothing else in Kestrel touches the world.
 *
 * A provider is trusted code of the operator, but the gate does not rely on it: whatever `perform` throws, returns or never
 * returns ends in exactly one entry.
 */
export interface Provider {
  /** For messages: `filesystem`, `functions`. */
  readonly name: string
  /** By full name: `fs.read`. Names match `actionName` below; two providers of one kernel never share one. */
  readonly actions: Readonly<Record<string, ActionDefinition>>
  /** Called once when the kernel closes. */
  close?(): void | Promise<void>
}

/** `namespace.verb`, as in `fs.read`, `fn.delete_file`, `mcp.call`. */
export const actionName: RegExp = /^[a-z][a-z0-9_-]*(?:\.[A-Za-z][A-Za-z0-9_-]*)+$/

export interface ActionDefinition {
  /** `observe` changes nothing in the world; `mutate` may, so its intent is made durable first. */
  readonly kind: 'observe' | 'mutate'
  /**
   * What is wrong with `params`, in words for the caller (never with a value of theirs), or undefined when they fit.
   * Must be synchronous and strict: an unknown or mistyped param is wrong. Absent: any params fit.
   */
  readonly checkParams?: (params: JsonObject) => string | undefined
  /** The one canonical form of what the caller named. Pure and synchronous: it looks at the text, not at the world. */
  readonly readResource: (raw: string) => ResourceReading
  /** What a request without a resource is about. Absent: every request must name one. */
  readonly defaultResource?: string
  /** Further resources that stand in `params` (the target of a move); policy judges each. */
  readonly otherResources?: (params: JsonObject) => readonly ResourceReading[]
  /** How long `perform` may take, in ms. Default `limits.performMs`. */
  readonly timeoutMs?: number
  /** For a dry run: how `perform` would end without doing it. Absent or undefined: it would succeed as far as can be known. */
  readonly foresee?: (call: Call) => Promise<Answer | undefined> | Answer | undefined
  /** Acts. Re-checks the resource at the moment of effect, because the world may have changed since the decision. */
  readonly perform: (call: Call) => Promise<Answer> | Answer
}

/** `canonical` is what policy judges and the provider acts on; `display` is what may stand in the log, where it differs. */
export type ResourceReading = { readonly canonical: string; readonly display?: string } | { readonly problem: string }

/** What a provider is handed: the decided request, frozen, and the policy's view of the world. */
export interface Call {
  readonly action: string
  /** Canonical, as `readResource` gave it. */
  readonly resource: string
  readonly params: JsonObject
  /** Names that agents see → absolute folders; undefined where the policy mounts nothing and names host paths itself. */
  readonly mounts: ReadonlyMap<string, string> | undefined
  /** What no action may touch. */
  readonly protection: Protection
  /** Aborted when the time is up or the kernel closes. */
  readonly signal: AbortSignal
}

/** How an action ended, as far as the provider knows. Anything that does not have one of these shapes is treated as a lie. */
export type Answer =
  /** It happened; `result` is JSON or absent. */
  | { readonly effect: 'done'; readonly result?: JsonValue }
  /** It failed and surely nothing happened. */
  | { readonly effect: 'none'; readonly error: Failure }
  /** Nobody can tell whether it happened: the attempt becomes `unknown` and a person settles it. */
  | { readonly effect: 'uncertain'; readonly error: Failure }
  /** It was refused at the moment of effect, before anything happened: the attempt is `denied`. */
  | { readonly refused: ReasonCode; readonly message: string; readonly hint?: string }
  /** It failed and the provider makes no claim about its effect (a function that threw). */
  | { readonly failed: Failure }

/** A failure for the caller. `code` is short and stable (`not_found`, `timeout`); `message` says what to do next. */
export interface Failure {
  readonly code: string
  readonly message: string
  readonly retryable: boolean
}

/** Knows what belongs to Kestrel itself (requirement GATE-13), by place and by identity. */
export interface Protection {
  /** Whether the absolute, resolved path `path` is a protected file or folder or lies in a protected folder. It need not exist. */
  coversPath(path: string): boolean
  /**
   * Whether the file with this identity is protected, however it was reached (hard link, bind mount, other spelling).
   * @param links the number of hard links; a protected file that was linked elsewhere has more than one. 1 for a folder, which
   *   cannot be linked: what its own count says is how many folders it holds
   */
  coversIdentity(identity: { readonly dev: bigint; readonly ino: bigint; readonly links: bigint }): boolean
}
