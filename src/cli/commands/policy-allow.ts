import { createInterface } from 'node:readline/promises'
import { basename, dirname } from 'node:path'
import {
  addRules,
  flowOfRule,
  loadPolicy,
  Replay,
  smallestRules,
  type Addition,
  type CompiledPolicy,
  type Question,
  type RuleText,
  type Verdict,
} from '../../authority/policy/index.ts'
import { visible } from '../../base/display.ts'
import type { JsonObject } from '../../base/json.ts'
import { exitCodes } from '../exit-code.ts'
import { readCount } from '../log-filter.ts'
import { usage } from '../typed-request.ts'
import type { World } from '../world.ts'
import { shownDiff, unifiedDiff } from './policy-diff.ts'
import { readPolicyFile, replacePolicyFile, type PolicyFile } from './policy-file.ts'
import { isDenial, Past, type LoggedRequest } from './policy-past.ts'
import { readRoles } from './policy-replay.ts'

export interface PolicyAllowOptions {
  readonly yes?: true | undefined
  readonly who?: readonly string[] | undefined
  readonly roles?: readonly string[] | undefined
}

/** An edit that is ready to be written. */
interface Edit {
  readonly file: PolicyFile
  readonly addition: Addition
  readonly diff: readonly string[]
  readonly request: LoggedRequest
  /** Other refusals of the log that the new policy would permit. */
  readonly alsoPermits: readonly number[]
  readonly notes: readonly string[]
}

/** Adds to the policy file the smallest rules that permit what entry `seqText` was refused, once a person has seen them. */
export async function policyAllow(world: World, seqText: string, options: PolicyAllowOptions): Promise<number> {
  const seq = readCount(seqText, 'the number of the entry')
  const edit = await prepare(world, seq, options)
  const { terminal, places } = world
  if (edit === 'permitted') {
    const message = `\`${visible(places.policy)}\` permits what entry ${seq} was refused already; nothing was changed`
    if (terminal.isJson) terminal.json({ seq, written: false, isPermitted: true, rules: [], diff: '', alsoPermits: [] })
    else terminal.say(message)
    return exitCodes.ok
  }
  if (!terminal.isJson) terminal.say(...shownDiff(edit.diff, terminal.paint), ...consequences(edit))
  const isWanted = options.yes === true || (await isAgreed(world))
  if (isWanted) write(edit)
  if (terminal.isJson) terminal.json(asJson(edit, isWanted))
  else if (isWanted)
    terminal.say(
      `written to ${visible(places.policy)}; a kernel that runs keeps the policy it has until it loads it again`,
    )
  if (isWanted) return exitCodes.ok
  if (!isAtTerminal(world))
    terminal.note(`kestrel: nothing was written; \`kestrel policy allow ${seq} --yes\` writes it without asking`)
  else terminal.say('nothing was written')
  return exitCodes.usage
}

async function prepare(world: World, seq: number, options: PolicyAllowOptions): Promise<Edit | 'permitted'> {
  const file = readPolicyFile(world.places.policy)
  const policy = load(file, file.text)
  await using past = await Past.open(world)
  const request = await denialAt(past, seq)
  const params = await past.params(request)
  const who = readWho(options.who)
  const given = readRoles(options.roles ?? []).get(request.principal) ?? []
  const question = questionOf(request, params, given)
  const verdict = policy.decide(question)
  if (verdict.effect === 'permit' && (params !== undefined || !request.hasParams)) return 'permitted'
  assertParamsKnown(request, params, verdict)
  const rules = rulesFor(policy, question, verdict, who, world.places.policy)
  const addition = addRules(file.text, rules)
  if ('problem' in addition) {
    const byHand = rules.map((rule) => `\`- ${flowOfRule(rule)}\``).join(' and ')
    throw usage(`no line can be added to \`${file.path}\`: ${addition.problem}, or add by hand ${byHand}`)
  }
  const asked = { ...question, principal: { ...question.principal, roles: [...given, ...rolesIn(who)] } }
  verify(file, addition, asked, request)
  const alsoPermits = await othersPermitted(past, request, policy, load(file, addition.text))
  const notes = notesOf(request, question)
  return { file, addition, diff: unifiedDiff(file.text, addition, basename(file.path)), request, alsoPermits, notes }
}

function load({ path }: PolicyFile, text: string): CompiledPolicy {
  return loadPolicy(text, { file: path, baseDirectory: dirname(path) })
}

/** @throws KernelError ENTRY_NOT_FOUND; USAGE_INVALID for what a rule could not have turned */
async function denialAt(past: Past, seq: number): Promise<LoggedRequest> {
  const entry = await past.entry(seq)
  const request = await past.requestOf(entry)
  if (request === undefined)
    throw usage(`entry ${seq} is no request that a policy decided; \`kestrel log --status denied\` lists denials`)
  if (isDenial(request)) return request
  const { was } = request
  if (was.effect !== 'forbid') throw usage(`entry ${seq} was not denied: the policy said \`${was.effect}\``)
  throw usage(`entry ${seq} was refused as \`${was.reason}\`, which no rule changes; see \`kestrel explain ${seq}\``)
}

function questionOf(request: LoggedRequest, params: JsonObject = {}, roles: readonly string[]): Question {
  const { principal: id, agent, action, resources, timeMs } = request
  return { principal: { id, roles }, agent, action, resources, params, timeMs }
}

function assertParamsKnown(
  { seq, hasParams }: LoggedRequest,
  params: JsonObject | undefined,
  { reason }: Verdict,
): void {
  if (!hasParams || params !== undefined || !['constraint_mismatch', 'condition_false', 'permitted'].includes(reason))
    return
  const help = 'run this where the keys of the data directory are'
  throw usage(`rules look at the params of entry ${seq}, which cannot be read here or are not kept any more; ${help}`)
}

function rulesFor(
  policy: CompiledPolicy,
  question: Question,
  verdict: Verdict,
  who: readonly string[] | undefined,
  file: string,
): readonly RuleText[] {
  const rules = smallestRules(policy, question, verdict, who)
  if (rules !== undefined && rules.length > 0) return rules
  const places = verdict.rules.map((id) => {
    const line = policy.book.rules.find((rule) => rule.id === id)?.at.line ?? 0
    return line > 0 ? `\`${id}\` (${file}:${line})` : `\`${id}\``
  })
  if (verdict.reason === 'denied_by_rule') {
    throw usage(
      `${places.join(', ')} forbids it, and deny wins over every allow rule; nothing was changed. Narrow or remove it yourself`,
    )
  }
  const roles = verdict.rules.some((id) => id.startsWith('access['))
    ? '; the log holds no roles: say those it was asked with by `--roles ID:ROLE`'
    : ''
  throw usage(`no allow rule would permit it: ${verdict.message}${roles}; nothing was changed`)
}

/** `role:NAME`, `principal:ID`, `agent:ID`; `anyone` for no `who` at all. */
function readWho(texts: readonly string[] | undefined): readonly string[] | undefined {
  if (texts === undefined) return undefined
  if (texts.length === 1 && texts[0] === 'anyone') return []
  const wrong = texts.find((text) => !/^(?:role|principal|agent):[^\p{C}\p{Z}]+$/u.test(text))
  if (wrong !== undefined) throw usage('`--who` must be `role:NAME`, `principal:ID`, `agent:ID`, or `anyone`')
  return texts
}

function rolesIn(who: readonly string[] | undefined): readonly string[] {
  return (who ?? []).flatMap((name) => (name.startsWith('role:') ? [name.slice('role:'.length)] : []))
}

/** The new text must load, keep the old one whole, and permit the request. @throws KernelError USAGE_INVALID */
function verify(file: PolicyFile, addition: Addition, question: Question, { seq }: LoggedRequest): void {
  const verdict = load(file, addition.text).decide(question)
  if (keepsEveryLine(file.text, addition.text) && verdict.effect === 'permit') return
  throw usage(
    `with the rule that was to be added entry ${seq} would still be refused: ${verdict.message}; nothing was changed`,
  )
}

function keepsEveryLine(before: string, after: string): boolean {
  let same = 0
  while (same < before.length && before[same] === after[same]) same++
  return after.endsWith(before.slice(same)) && after.length > before.length
}

async function othersPermitted(
  past: Past,
  { seq, action, resources }: LoggedRequest,
  before: CompiledPolicy,
  after: CompiledPolicy,
): Promise<readonly number[]> {
  const [then, now] = [new Replay(before, { before }), new Replay(after, { before })]
  const found: number[] = []
  for await (const other of past.requests()) {
    if (other.seq === seq || other.action !== action || !isDenial(other)) continue
    if (!other.resources.some((each) => resources.includes(each))) continue
    const params = await past.params(other)
    if (now.judge(other, params).is !== 'same' && then.judge(other, params).is === 'same') found.push(other.seq)
  }
  return found
}

function notesOf({ resources }: LoggedRequest, { action }: Question): readonly string[] {
  return action === 'net.http' || resources.some((each) => /^https?:/.test(each))
    ? ['the log holds URLs without their query: the rule permits this one without']
    : []
}

/** Seqs that are named. */
const namedSeqs = 10

function consequences({ alsoPermits, notes }: Edit): string[] {
  const named = alsoPermits.slice(0, namedSeqs).join(', ')
  const rest = alsoPermits.length > namedSeqs ? ` and ${alsoPermits.length - namedSeqs} more` : ''
  const others =
    alsoPermits.length === 0
      ? 'no other refusal of the log would be permitted'
      : `${alsoPermits.length} more refusals of the log would be permitted: ${named}${rest}`
  return [others, ...notes]
}

function isAtTerminal({ terminal, stdin }: World): boolean {
  return !terminal.isJson && stdin.isTTY && process.stdout.isTTY
}

/** Anything but `y` is a no; where nobody can be asked, nobody agreed. */
async function isAgreed(world: World): Promise<boolean> {
  if (!isAtTerminal(world)) return false
  world.terminal.flush()
  const asking = createInterface({ input: world.stdin, output: process.stdout })
  try {
    return (await asking.question('write it? (y/N) ', { signal: world.terminal.interrupted })).trim() === 'y'
  } catch {
    return false
  } finally {
    asking.close()
  }
}

/** @throws KernelError USAGE_INVALID when the file is another by now */
function write({ file, addition }: Edit): void {
  replacePolicyFile(file, addition.text)
  const written = readPolicyFile(file.path)
  if (written.text !== addition.text) throw usage(`\`${file.path}\` holds another text than was written; look at it`)
  load(file, written.text)
}

function asJson({ diff, request, alsoPermits, addition, notes }: Edit, written: boolean): object {
  const { seq, action, resources } = request
  return {
    seq,
    action,
    resource: resources[0],
    written,
    isPermitted: written,
    added: addition.lines,
    line: addition.line + 1,
    diff: `${diff.join('\n')}\n`,
    alsoPermits,
    notes,
  }
}
