import { explainQuestion, type CompiledPolicy, type Explanation } from '../../authority/policy/index.ts'
import { isKernelError } from '../../base/errors.ts'
import { readPrincipal } from '../../base/principal.ts'
import { parseEntry, type Entry, type Log } from '../../evidence/ledger/index.ts'
import { readPolicy, readPolicyText } from '../../kernel/policy-source.ts'
import { endingsIn } from '../../kernel/ended-by.ts'
import { exitCodes } from '../exit-code.ts'
import { readCount } from '../log-filter.ts'
import { entryAt } from '../log-source.ts'
import { recoverIfNeeded } from '../recover-if-needed.ts'
import { definitionOf } from '../questions.ts'
import { storyLines, type Story, type ToldRule } from '../render/story.ts'
import type { World } from '../world.ts'

/** Tells one entry in words. */
export async function explain(world: World, seqText: string): Promise<number> {
  const { terminal, places } = world
  const seq = readCount(seqText, 'the number of the entry')
  await recoverIfNeeded(world)
  const { log, found } = await entryAt(places.ledger, seq)
  const entry = parseEntry(found.bytes)
  const story: Story = {
    entry,
    leafHash: found.leafHash,
    changed: changedBy(entry),
    ...(await ended(world, log, entry)),
    ...(await underPolicy(world, log, entry)),
  }
  if (terminal.isJson) terminal.json(story)
  else terminal.say(...storyLines(story, places.policy, terminal.paint))
  return exitCodes.ok
}

/** What the attempt left behind in the world, as far as the entry says. */
function changedBy({ action, outcome }: Entry): Story['changed'] {
  if (outcome === undefined || action === undefined) return 'nothing'
  if (outcome.effect === 'uncertain' || outcome.status === 'unknown') return 'unknown'
  const isObserving = definitionOf(action)?.kind === 'observe'
  if (outcome.effect === 'done' || (outcome.status === 'ok' && outcome.effect === undefined)) {
    return isObserving ? 'nothing' : 'done'
  }
  return 'nothing'
}

async function ended({ places }: World, log: Log, entry: Entry): Promise<Partial<Story>> {
  const isOpen = entry.outcome?.status === 'unknown'
  if (!isOpen && entry.undo === undefined) return {}
  using endings = await endingsIn(places.dataDir, log)
  const resolvedBy = isOpen ? await endings.by('resolves', entry.seq) : undefined
  const undoneBy = entry.undo === undefined ? undefined : await endings.by('undos', entry.seq)
  return {
    ...(resolvedBy !== undefined && { resolvedBy }),
    ...(undoneBy !== undefined && { undoneBy }),
    ...(entry.undo !== undefined && { isExpired: entry.undo.until < Date.now() }),
  }
}

/** What the policy file of today says of it: the rules that decided, if it is the same file, and what would allow it. */
async function underPolicy({ places }: World, log: Log, entry: Entry): Promise<Partial<Story>> {
  const { policy: policySeq, action, decision } = entry
  if (policySeq === undefined || action === undefined || decision === undefined) return {}
  const digest = parseEntry((await log.entry(policySeq)).bytes).digest ?? ''
  let policy: CompiledPolicy
  try {
    policy = readPolicy(places.policy)
  } catch (error) {
    if (!isKernelError(error)) throw error
    return { policy: { seq: policySeq, digest, isCurrent: false } }
  }
  const isCurrent = policy.digest === digest
  const explanation = question(policy, entry, action)
  const rules = isCurrent ? toldRules(decision.rules ?? [], explanation, readPolicyText(places.policy)) : undefined
  const { verdict, suggestion } = explanation
  const isRefused = entry.outcome?.status === 'denied'
  return {
    policy: { seq: policySeq, digest, isCurrent },
    ...(rules !== undefined && { rules }),
    ...(isRefused && verdict.effect === 'permit' && { isPermittedNow: true }),
    ...(isRefused && suggestion !== undefined && { suggestion }),
    ...(isRefused && suggestion === undefined && verdict.hint !== undefined && { hint: verdict.hint }),
  }
}

/** Asked again as the log has it: without roles and params, which entries do not hold. */
function question(policy: CompiledPolicy, entry: Entry, action: string): Explanation {
  const resources = entry.resources ?? [entry.resource ?? '']
  const principal = readPrincipal({ id: entry.principal })
  return explainQuestion(policy, { principal, agent: entry.agent, action, resources, params: {}, timeMs: entry.time })
}

function toldRules(ids: readonly string[], { rules }: Explanation, policyText: string): readonly ToldRule[] {
  const lines = policyText.split('\n')
  return ids.map((id) => {
    const line = rules.find((rule) => rule.id === id)?.line ?? 0
    return line === 0 ? { id } : { id, line, text: ruleText(lines, line - 1) }
  })
}

/** Lines of one rule at most. */
const ruleLines = 12

/** The source of a rule: its first line, and those after it that are indented deeper. */
function ruleText(lines: readonly string[], start: number): string {
  const indentOf = (text: string): number => text.length - text.trimStart().length
  const first = lines[start] ?? ''
  const depth = first.trimStart().startsWith('- ') ? indentOf(first) : indentOf(first) - 1
  const text = [first]
  for (const line of lines.slice(start + 1, start + ruleLines)) {
    if (line.trim() === '' || indentOf(line) <= depth) break
    text.push(line)
  }
  return text.map((line) => line.slice(Math.min(indentOf(first), indentOf(line)))).join('\n')
}
