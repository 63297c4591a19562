import { equalBytes, fromBase64, fromHex, fromUtf8, utf8 } from '../../base/bytes.ts'
import { isKernelError, KernelError } from '../../base/errors.ts'
import { parseJson } from '../../base/json.ts'
import { limits } from '../../base/limits.ts'

/** One record of the log: what a leaf hash is taken over. `spec/formats/entry.md` is the frozen shape. */
export interface Entry {
  readonly v: 1
  /** Index of the leaf. */
  readonly seq: number
  /** Milliseconds since 1970 UTC; never less than the predecessor's. */
  readonly time: number
  readonly kind: EntryKind
  /** The enrolled agent that acted. */
  readonly agent: string
  /** Counts this agent's entries from 0 without a gap. Absent on `head`, required elsewhere. */
  readonly agentSeq?: number
  /** On whose authority. */
  readonly principal: string
  readonly run?: string
  readonly step?: number
  readonly action?: string
  /** Display form: no userinfo, query, fragment or anything that policy classifies as secret. */
  readonly resource?: string
  readonly resources?: readonly string[]
  /** Commitment, 64 hex. */
  readonly params?: string
  /** `seq` of the `policy` entry in force. */
  readonly policy?: number
  readonly decision?: EntryDecision
  readonly flow?: readonly EntryFlow[]
  /** `seq` of the entry that this one carries out, approves, resolves or undoes. */
  readonly of?: number
  /** Digest of principal and idempotency key, 64 hex. */
  readonly key?: string
  readonly approval?: EntryApproval
  /** What was used, by meter. */
  readonly charge?: Readonly<Record<string, number>>
  readonly undo?: EntryUndo
  readonly outcome?: EntryOutcome
  /** Sensitivity; absent means `internal`. */
  readonly class?: string
  readonly tier?: EntryTier
  /** On `policy`, and only there: SHA-256 of the file's bytes, 64 hex. */
  readonly digest?: string
  /** On `enroll` and `rotate`, and only there: base64 of the SPKI DER of a P-256 key. */
  readonly publicKey?: string
  /** On `head`, and only there. */
  readonly head?: EntryHead
  /** On `approval` and `resolve`: commitment of the person's words, 64 hex. */
  readonly reason?: string
}

export interface EntryDecision {
  readonly effect: 'permit' | 'forbid' | 'hold'
  readonly reason: string
  readonly rules?: readonly string[]
}

/** Where a guarded parameter's value came from. */
export interface EntryFlow {
  readonly param: string
  /** Commitment of the value, 64 hex. */
  readonly value: string
  readonly label: string
  /** `seq` of the entry whose result first held the value. */
  readonly entry?: number
}

export interface EntryApproval {
  readonly id: string
  readonly by: readonly string[]
  /** Milliseconds since 1970 UTC. */
  readonly expires: number
}

export interface EntryUndo {
  /** Commitment of the before-image, 64 hex. */
  readonly image: string
  /** Milliseconds since 1970 UTC. */
  readonly until: number
}

export interface EntryOutcome {
  readonly status: 'ok' | 'denied' | 'invalid' | 'held' | 'failed' | 'unknown'
  /** Commitment, 64 hex. */
  readonly result?: string
  readonly effect?: 'none' | 'done' | 'uncertain'
  readonly durationMs?: number
  readonly error?: string
}

/** An agent's signature over the chain of its own entries up to and including `upTo`. */
export interface EntryHead {
  readonly upTo: number
  /** 64 hex. */
  readonly chain: string
  /** Base64 of 64 bytes: ECDSA P-256/SHA-256, IEEE P1363. */
  readonly sig: string
}

export type EntryKind = (typeof kinds)[number]
export type EntryTier = (typeof tiers)[number]

/** What the ledger assigns. */
export interface EntryPlace {
  readonly seq: number
  readonly time: number
  readonly agentSeq?: number | undefined
}

type Given = Omit<Entry, 'v' | keyof EntryPlace | 'decision' | 'outcome'> & {
  readonly decision?: OrUndefined<EntryDecision>
  readonly outcome?: OrUndefined<EntryOutcome>
}
type Named = 'kind' | 'agent' | 'principal'
type OrUndefined<Value> = { readonly [Field in keyof Value]: Value[Field] | undefined }

/** What the kernel hands to the ledger, which assigns the rest. A field that is undefined is absent from the entry. */
export type EntryDraft = Pick<Given, Named> & {
  readonly [Field in Exclude<keyof Given, Named>]?: Given[Field] | undefined
}

const kinds = [
  'action',
  'approval',
  'resolve',
  'policy',
  'enroll',
  'rotate',
  'head',
  'grant',
  'revoke',
  'run',
  'state',
  'snapshot',
  'migrate',
  'export',
  'shred',
  'note',
] as const
const tiers = ['host', 'wasm', 'jail', 'gvisor', 'microvm'] as const
const effects = ['permit', 'forbid', 'hold'] as const
const statuses = ['ok', 'denied', 'invalid', 'held', 'failed', 'unknown'] as const
const outcomeEffects = ['none', 'done', 'uncertain'] as const

const signatureBytes = 64

/**
 * The one text of an entry: RFC 8785 canonical JSON. It writes the fixed fields in canonical order, which is several times
 * faster than sorting keys, and checks each value as it passes.
 *
 * @throws KernelError ENTRY_INVALID naming the field, ENTRY_TOO_LARGE over 65,535 bytes of UTF-8
 */
export function formatEntry(entry: Entry): string {
  if (entry.v !== 1) throw refuse('v', 'the number 1')
  return formatDraft(entry, entry)
}

/** The text of the entry that `draft` becomes at `place`. @throws KernelError as `formatEntry` */
export function formatDraft(draft: EntryDraft, place: EntryPlace): string {
  const text = write(draft, place)
  if (text.length * 3 > limits.entryBytes && utf8(text).length > limits.entryBytes) {
    throw new KernelError('ENTRY_TOO_LARGE', `it has more than ${limits.entryBytes} bytes`)
  }
  return text
}

/**
 * Reads one entry, and accepts only the bytes that `formatEntry` would write for it.
 *
 * That equality is what makes the native `JSON.parse` safe here: a duplicate key, an unknown field at any depth, another
 * spelling of a number or string, or whitespace does not survive being written again.
 *
 * @throws KernelError ENTRY_INVALID naming the field, never repeating content
 */
export function parseEntry(bytes: Uint8Array): Entry {
  if (bytes.length > limits.entryBytes) throw refuse('it', `at most ${limits.entryBytes} bytes`)
  try {
    const text = fromUtf8(bytes)
    const value = read(text)
    if (typeof value !== 'object' || value === null) throw refuse('it', 'a JSON object')
    const entry = value as Entry
    if (formatEntry(entry) === text) return entry
    parseJson(text)
  } catch (error) {
    if (isKernelError(error, 'ENTRY_INVALID')) throw error
    const why = isKernelError(error) ? error.message : 'unreadable'
    throw new KernelError('ENTRY_INVALID', why, { cause: error })
  }
  throw new KernelError('ENTRY_INVALID', 'it has a field unknown to format 1, or is not canonical JSON (RFC 8785)')
}

function read(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return parseJson(text)
  }
}

function write(entry: EntryDraft, { seq, time, agentSeq }: EntryPlace): string {
  const kind = oneOf(entry.kind, kinds, 'kind')
  checkKind(entry, agentSeq)
  let text = '{'
  if (entry.action !== undefined) text += `"action":${string(entry.action, 'action')},`
  text += `"agent":${string(entry.agent, 'agent')},`
  if (agentSeq !== undefined) text += `"agentSeq":${index(agentSeq, 'agentSeq')},`
  if (entry.approval !== undefined) text += `"approval":${approval(entry.approval)},`
  if (entry.charge !== undefined) text += `"charge":${charge(entry.charge)},`
  if (entry.class !== undefined) text += `"class":${string(entry.class, 'class')},`
  if (entry.decision !== undefined) text += `"decision":${decision(entry.decision)},`
  if (entry.digest !== undefined) text += `"digest":${hex(entry.digest, 'digest')},`
  if (entry.flow !== undefined) text += `"flow":${list(entry.flow, 'flow', flow)},`
  if (entry.head !== undefined) text += `"head":${head(entry.head)},`
  if (entry.key !== undefined) text += `"key":${hex(entry.key, 'key')},`
  text += `"kind":"${kind}",`
  if (entry.of !== undefined) text += `"of":${index(entry.of, 'of')},`
  if (entry.outcome !== undefined) text += `"outcome":${outcome(entry.outcome)},`
  if (entry.params !== undefined) text += `"params":${hex(entry.params, 'params')},`
  if (entry.policy !== undefined) text += `"policy":${index(entry.policy, 'policy')},`
  text += `"principal":${string(entry.principal, 'principal')},`
  if (entry.publicKey !== undefined) text += `"publicKey":${publicKey(entry.publicKey)},`
  if (entry.reason !== undefined) text += `"reason":${hex(entry.reason, 'reason')},`
  if (entry.resource !== undefined) text += `"resource":${string(entry.resource, 'resource')},`
  if (entry.resources !== undefined) text += `"resources":${list(entry.resources, 'resources', string)},`
  if (entry.run !== undefined) text += `"run":${string(entry.run, 'run')},`
  text += `"seq":${index(seq, 'seq')},`
  if (entry.step !== undefined) text += `"step":${index(entry.step, 'step')},`
  if (entry.tier !== undefined) text += `"tier":"${oneOf(entry.tier, tiers, 'tier')}",`
  text += `"time":${index(time, 'time')},`
  if (entry.undo !== undefined) text += `"undo":${undo(entry.undo)},`
  return `${text}"v":1}`
}

/** Fields that belong to one kind stand on every entry of it and on no other. */
function checkKind(entry: EntryDraft, agentSeq: number | undefined): void {
  const { kind } = entry
  belongs('agentSeq', agentSeq, kind !== 'head')
  belongs('head', entry.head, kind === 'head')
  belongs('digest', entry.digest, kind === 'policy')
  belongs('publicKey', entry.publicKey, kind === 'enroll' || kind === 'rotate')
  if (kind !== 'approval' && kind !== 'resolve') belongs('reason', entry.reason, false)
}

function belongs(field: string, value: unknown, expected: boolean): void {
  if (expected !== (value !== undefined))
    throw refuse(field, expected ? 'present for this kind' : 'absent for this kind')
}

function approval(value: EntryApproval): string {
  object(value, 'approval')
  const by = list(value.by, 'approval.by', string)
  return `{"by":${by},"expires":${index(value.expires, 'approval.expires')},"id":${string(value.id, 'approval.id')}}`
}

function charge(value: Readonly<Record<string, number>>): string {
  object(value, 'charge')
  const meters = Object.keys(value)
    .sort()
    .map((meter) => `${string(meter, 'a meter of charge')}:${integer(value[meter], 'a value of charge')}`)
  return `{${meters.join(',')}}`
}

function decision(value: NonNullable<EntryDraft['decision']>): string {
  object(value, 'decision')
  const rules = value.rules === undefined ? '' : `,"rules":${list(value.rules, 'decision.rules', string)}`
  const effect = oneOf(value.effect, effects, 'decision.effect')
  return `{"effect":"${effect}","reason":${string(value.reason, 'decision.reason')}${rules}}`
}

function flow(value: EntryFlow): string {
  object(value, 'flow')
  const entry = value.entry === undefined ? '' : `"entry":${index(value.entry, 'flow.entry')},`
  const label = string(value.label, 'flow.label')
  return `{${entry}"label":${label},"param":${string(value.param, 'flow.param')},"value":${hex(value.value, 'flow.value')}}`
}

function head(value: EntryHead): string {
  object(value, 'head')
  const sig = base64(value.sig, 'head.sig', signatureBytes)
  return `{"chain":${hex(value.chain, 'head.chain')},"sig":${sig},"upTo":${index(value.upTo, 'head.upTo')}}`
}

function outcome(value: NonNullable<EntryDraft['outcome']>): string {
  object(value, 'outcome')
  let text = '{'
  if (value.durationMs !== undefined) text += `"durationMs":${index(value.durationMs, 'outcome.durationMs')},`
  if (value.effect !== undefined) text += `"effect":"${oneOf(value.effect, outcomeEffects, 'outcome.effect')}",`
  if (value.error !== undefined) text += `"error":${string(value.error, 'outcome.error')},`
  if (value.result !== undefined) text += `"result":${hex(value.result, 'outcome.result')},`
  return `${text}"status":"${oneOf(value.status, statuses, 'outcome.status')}"}`
}

function undo(value: EntryUndo): string {
  object(value, 'undo')
  return `{"image":${hex(value.image, 'undo.image')},"until":${index(value.until, 'undo.until')}}`
}

function object(value: unknown, field: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refuse(field, 'an object')
}

function list<T>(value: readonly T[], field: string, item: (value: T, field: string) => string): string {
  if (!Array.isArray(value)) throw refuse(field, 'a list')
  const items: readonly T[] = value
  let text = ''
  for (const one of items) text += text === '' ? item(one, field) : `,${item(one, field)}`
  return `[${text}]`
}

/** Text that JSON writes as it is. */
const plain = /^[ !#-[\]-~]*$/

function string(value: unknown, field: string): string {
  if (typeof value !== 'string' || value === '') throw refuse(field, 'a string that is not empty')
  if (plain.test(value)) return `"${value}"`
  if (!value.isWellFormed()) throw refuse(field, 'free of lone surrogates')
  return JSON.stringify(value)
}

function integer(value: unknown, field: string): string {
  if (!Number.isSafeInteger(value)) throw refuse(field, 'an integer within ±(2^53−1)')
  return `${value as number}`
}

function index(value: unknown, field: string): string {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw refuse(field, 'an integer from 0 to 2^53−1')
  return `${value as number}`
}

const hexDigits = 64
/** A search for what is wrong: nearly three times as fast as a match of all 64 digits, and most fields are digests. */
const notHex = /[^0-9a-f]/

function hex(value: unknown, field: string): string {
  if (typeof value !== 'string' || value.length !== hexDigits || notHex.test(value))
    throw refuse(field, '64 lower-case hex digits')
  return `"${value}"`
}

function base64(value: unknown, field: string, length: number): string {
  const bytes = typeof value === 'string' ? decoded(value) : undefined
  if (bytes?.length !== length) throw refuse(field, `base64 of ${length} bytes`)
  return `"${value as string}"`
}

/** What stands before the 64 bytes of the point in the SPKI DER of a P-256 key (RFC 5480 §2). */
const p256Header: Uint8Array = fromHex('3059301306072a8648ce3d020106082a8648ce3d03010703420004')
const p256SpkiBytes = 91

function publicKey(value: unknown): string {
  const text = base64(value, 'publicKey', p256SpkiBytes)
  if (!equalBytes(fromBase64(value as string).subarray(0, p256Header.length), p256Header)) {
    throw refuse('publicKey', 'the SPKI of a P-256 key')
  }
  return text
}

function decoded(text: string): Uint8Array | undefined {
  try {
    return fromBase64(text)
  } catch {
    return undefined
  }
}

function oneOf<T extends string>(value: unknown, allowed: readonly T[], field: string): T {
  if (!allowed.includes(value as T)) throw refuse(field, `one of ${allowed.join(', ')}`)
  return value as T
}

function refuse(field: string, what: string): KernelError<'ENTRY_INVALID'> {
  return new KernelError('ENTRY_INVALID', field === 'it' ? `it must be ${what}` : `\`${field}\` must be ${what}`)
}
