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
  /** Files and folders of the operator's that it uses, absolute: no action of any provider may touch them. */
  readonly ownPlaces?: readonly string[]
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
  /** How long `perform` may take, in ms. Default `limits.performMs`. One that lets the request say it keeps to that by itself. */
  readonly timeoutMs?: number
  /** What runs the effect, for the entry. Absent: nothing but this process. */
  readonly tier?: 'host' | 'jail'
  /** For a dry run: how `perform` would end without doing it. Absent or undefined: it would succeed as far as can be known. */
  readonly foresee?: (call: Call) => Promise<Answer | undefined> | Answer | undefined
  /** Acts. Re-checks the resource at the moment of effect, because the world may have changed since the decision. */
  readonly perform: (call: Call) => Promise<Answer> | Answer
  /** How a mutation is taken back. Absent: it cannot be, unless a rule of the policy names a request that does. */
  readonly reversal?: Reversal
  /**
   * What the result of an answer that is `done` tells of what was asked for, where it may say no: a server answers a request
   * that it refuses, a program ends that has failed. Absent: done is done. Asked before and after a request takes another back.
   */
  readonly achieved?: (result: JsonValue | undefined) => Achieved
}

/** `yes`; or why surely nothing came of it; or why nobody can tell. */
export type Achieved = 'yes' | { readonly refused: string } | { readonly unclear: string }

/**
 * How an action is taken back: an image of what it is about to change, and a way to put that back.
 *
 * The gate keeps images sealed and never looks into them. Putting back is an effect like any other, so another image is taken
 * before it, and it can be taken back too.
 */
export interface Reversal {
  /** Takes the image, before the effect. Reads nothing but what the action is about to change. */
  capture(call: Call, images: Imaging): Promise<Captured> | Captured
  /**
   * Takes the image of what putting `image` back is about to change.
   *
   * @param force also where the world is no longer as the action left it; without it that is refused as `undo_conflict`
   */
  recapture(image: JsonObject, call: Call, images: Imaging, force: boolean): Promise<Captured> | Captured
  /** Puts back what `image` holds, provided that the world is still as `call.image` says. */
  restore(image: JsonObject, call: Call, images: Pick<ContentStore, 'open'>): Promise<Answer> | Answer
  /**
   * How the world stands to an image, where nobody knows whether the action took place. Asked at a start, perhaps without a
   * policy: the image itself must say where to look, and where `mounts` says otherwise nothing can be told.
   */
  compare(image: JsonObject, call: Pick<Call, 'resource' | 'mounts'>): Promise<Standing> | Standing
  /** What putting it back amounts to, for the deny rules of the policy. */
  amountsTo(image: JsonObject): readonly { readonly action: string; readonly resource: string }[]
}

/** Where the content of an image goes. */
export interface Imaging extends ContentStore {
  /** Whether a deny rule forbids `action` on `resource`: what nobody may read is not read for an image either. */
  forbids(action: string, resource: string): boolean
}

/** An image; or why there can be none; or how the action would end, where that is certain already and nothing would happen. */
export type Captured = { readonly image: JsonObject } | { readonly unable: string } | { readonly ending: Answer }

/** As before the action, as after it, or otherwise. */
export type Standing = 'before' | 'after' | 'neither'

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
  /** Aborted when the caller cancels, the time is up or the kernel closes. Take it before the first wait. */
  readonly signal: AbortSignal
  /** What a rule that permits the call says of the network: `private` lets it reach loopback and private addresses too. */
  readonly network: Network
  /**
   * Asks the policy about a resource that turned up on the way (where a redirect leads, what a folder holds), for the same
   * principal, under the same action. @param params those of the call, unless the step has others
   */
  judge(resource: string, params?: JsonObject): Judged
  /** Keeps content in the vault that is too large to be a result. */
  readonly contents: ContentStore
  /**
   * Tells the caller how far it is, if it wants to know. Never throws. Of many reports it hears few, the last one before the
   * answer for sure; one that is malformed, or comes after the answer, it never hears.
   */
  report(progress: Progress): void
  /** What `capture` took for this call, if it did. */
  readonly image?: JsonObject | undefined
}

/** How far an action is, in units of its own. Numbers are finite and not negative. */
export interface Progress {
  readonly done: number
  readonly total?: number
  /** For a person. What is longer than `limits.progressBytes` is cut. */
  readonly message?: string
}

/** `public`: addresses that anyone may reach; `private`: also loopback and private ones. */
export type Network = 'public' | 'private'

/** What the policy says of a resource that turned up while an action was under way. */
export type Judged =
  | { readonly network: Network; readonly refused?: undefined }
  | { readonly refused: ReasonCode; readonly message: string; readonly hint?: string }

/** Keeps content sealed, a piece at a time: what is kept never has to fit in memory. */
export interface ContentStore {
  /** On disk as soon as the entry of this action is; none of the pieces may change afterwards. @throws KernelError for more than `limits.contentBytes`, and whatever `pieces` throws */
  keep(pieces: AsyncIterable<Uint8Array>): Promise<KeptContent>
  /** The pieces, each proven before it is given; not necessarily cut as they were. @throws KernelError VAULT_NOT_FOUND, SEAL_INVALID */
  open(kept: KeptContent): AsyncIterable<Uint8Array>
}

/** Names content in the vault. It says nothing of the content to whoever has not the key. */
export interface KeptContent {
  /** 64 hex. */
  readonly id: string
  readonly sizeBytes: number
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
  /** Every place that is protected, in each spelling, absolute: for what must hide them. */
  places?(): readonly string[]
  /** Whether the absolute, resolved path `path` is a protected file or folder or lies in a protected folder. It need not exist. */
  coversPath(path: string): boolean
  /**
   * Whether the file with this identity is protected, however it was reached (hard link, bind mount, other spelling).
   * @param links the number of hard links; a protected file that was linked elsewhere has more than one. 1 for a folder, which
   *   cannot be linked: what its own count says is how many folders it holds
   */
  coversIdentity(identity: { readonly dev: bigint; readonly ino: bigint; readonly links: bigint }): boolean
}
