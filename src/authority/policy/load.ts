import { KernelError } from '../../base/errors.ts'
import { canonicalJson } from '../../base/canonical-json.ts'
import { sha256Hex } from '../../base/hash.ts'
import type { JsonValue } from '../../base/json.ts'
import { snapshot } from '../../base/snapshot.ts'
import type { Surroundings } from './check-options.ts'
import { compile, warnOf } from './compile.ts'
import type { CompiledPolicy } from './compiled-policy.ts'
import { decide } from './decide.ts'
import { nodeOf, readDocument } from './document.ts'
import { Findings } from './findings.ts'
import { lint } from './lint.ts'
import type { Node } from './node.ts'
import type { RuleBook } from './rule-book.ts'
import { readPolicyFile } from './sections/policy-file.ts'
import type { PolicyProblem } from './types.ts'

export interface LoadOptions {
  /** Its name, for messages. */
  readonly file: string
  /** The absolute folder that mounts are relative to: that of the policy file. */
  readonly baseDirectory: string
}

/** What `kestrel policy check` tells. The policy loads when there are no problems. */
export interface PolicyCheck {
  /** SHA-256 of the text, hex. */
  readonly digest: string
  readonly problems: readonly PolicyProblem[]
  readonly warnings: readonly PolicyProblem[]
}

/**
 * Loads a policy file.
 *
 * @throws KernelError POLICY_INVALID that says `file:line:column`, what is wrong there and what to write
 */
export function loadPolicy(text: string, options: LoadOptions): CompiledPolicy {
  const findings = new Findings()
  const policy = build(readDocument(text, findings), sha256Hex(text), options.baseDirectory, findings)
  return policy ?? refuse(findings, ({ line, column, message }) => `${options.file}:${line}:${column}: ${message}`)
}

/**
 * All that is wrong with a policy file, without throwing. Told of its surroundings, it also warns of rules that make no
 * difference and of rules that reach further than they should.
 */
export function checkPolicy(text: string, options: LoadOptions, surroundings?: Surroundings): PolicyCheck {
  const findings = new Findings()
  const digest = sha256Hex(text)
  const node = readDocument(text, findings)
  build(node, digest, options.baseDirectory, findings)
  if (surroundings !== undefined && node !== undefined && !findings.failed) {
    // It was read without a problem: what it warns of is told already.
    const draft = readPolicyFile(node, options.baseDirectory, new Findings())
    if (draft !== undefined) lint({ node, draft, book: compile(draft), file: options.file }, surroundings, findings)
  }
  return { digest, problems: findings.problems, warnings: findings.warnings }
}

/**
 * Loads a policy that was given as an object. Its digest is that of its canonical JSON.
 *
 * @throws KernelError POLICY_INVALID that says the path (`allow[0].action`), what is wrong there and what to write
 */
export function policyFromObject(value: unknown, options: { readonly baseDirectory: string }): CompiledPolicy {
  const findings = new Findings()
  const json = copied(value)
  const policy = build(nodeOf(json), sha256Hex(canonicalJson(json)), options.baseDirectory, findings)
  return policy ?? refuse(findings, ({ path, message }) => (path === undefined ? message : `${path}: ${message}`))
}

function copied(value: unknown): JsonValue {
  try {
    return snapshot(value, '')
  } catch (cause) {
    throw new KernelError('POLICY_INVALID', cause instanceof Error ? cause.message : 'it is no plain object', { cause })
  }
}

function build(
  node: Node | undefined,
  digest: string,
  baseDirectory: string,
  findings: Findings,
): CompiledPolicy | undefined {
  if (findings.failed) {
    // what the walk refused leaves a tree that can be read on: one run shows all that is wrong
    if (node !== undefined) readPolicyFile(node, baseDirectory, findings)
    return undefined
  }
  const draft =
    node === undefined ? { at: { line: 1, column: 1, path: '' } } : readPolicyFile(node, baseDirectory, findings)
  if (draft === undefined || findings.failed) return undefined
  const book = compile(draft)
  warnOf(draft, book, findings)
  return policyOf(book, digest, draft.mounts, findings.warnings)
}

function policyOf(
  book: RuleBook,
  digest: string,
  mounts: ReadonlyMap<string, string> | undefined,
  warnings: readonly PolicyProblem[],
): CompiledPolicy {
  return Object.freeze({
    digest,
    mounts,
    warnings,
    book,
    decide: (question) => decide(book, question),
  } satisfies CompiledPolicy)
}

function refuse(findings: Findings, place: (problem: PolicyProblem) => string): never {
  const [first, ...rest] = findings.problems
  const more = rest.length === 0 ? '' : ` (and ${rest.length} more)`
  throw new KernelError('POLICY_INVALID', `${first === undefined ? 'it cannot be read' : place(first)}${more}`)
}
