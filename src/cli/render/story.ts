import { visible } from '../../base/display.ts'
import { reasonTable } from '../../base/reasons.ts'
import type { Entry } from '../../evidence/ledger/index.ts'
import { settlement, timeText } from './entry.ts'
import { facts, indented, textLines } from './layout.ts'
import type { Paint } from './paint.ts'
import { paintStatus } from './status.ts'

/** A rule that decided, with its place and text in the policy file. */
export interface ToldRule {
  readonly id: string
  readonly line?: number
  readonly text?: string
}

/** What `kestrel explain` tells of an entry. */
export interface Story {
  readonly entry: Entry
  readonly leafHash: string
  /** What the attempt changed in the world. */
  readonly changed: 'nothing' | 'done' | 'unknown'
  /** The policy that was in force; `isCurrent` when the policy file still is the same. */
  readonly policy?: { readonly seq: number; readonly digest: string; readonly isCurrent: boolean }
  readonly rules?: readonly ToldRule[]
  readonly isPermittedNow?: boolean
  /** The smallest rule that would allow it, as YAML. */
  readonly suggestion?: string
  readonly hint?: string
  /** The entry in which a person said what became of this one. */
  readonly resolvedBy?: number
  /** The entry that undid it. */
  readonly undoneBy?: number
  /** Whether the time in which it could be put back is over. */
  readonly isExpired?: boolean
}

/** One entry in words. */
export function storyLines(story: Story, policyFile: string, paint: Paint): string[] {
  const { entry, leafHash } = story
  const pairs: [string, string | readonly string[]][] = [
    ['when', timeText(entry.time)],
    ['who', who(entry)],
    ['what', what(entry, paint)],
    ...outcomePairs(story, paint),
    ...rulePairs(story, policyFile, paint),
    ['leaf hash', leafHash],
  ]
  return [paint.strong(`entry ${entry.seq}`), ...indented(facts(pairs, paint), 2)]
}

function who({ principal, agent }: Entry): string {
  return `${visible(principal)}${agent === principal ? '' : `, through agent ${visible(agent)}`}`
}

function what(entry: Entry, paint: Paint): string {
  switch (entry.kind) {
    case 'enroll':
      return `enrolled agent ${visible(entry.agent)} with its public key`
    case 'rotate':
      return `gave agent ${visible(entry.agent)} a new key`
    case 'policy':
      return `put a policy in force: the file with SHA-256 ${entry.digest ?? ''}`
    case 'head':
      return `agent ${visible(entry.agent)} signed the chain of its own entries up to number ${entry.head?.upTo ?? 0}`
    case 'action': {
      const resources = entry.resources ?? [entry.resource ?? '(no resource)']
      if (entry.of !== undefined)
        return `asked to ${visible(entry.action ?? '')} entry ${entry.of}: ${resources.map((each) => paint.name(visible(each))).join(' and ')}`
      return `asked for ${visible(entry.action ?? '(no action)')} of ${resources.map((each) => paint.name(visible(each))).join(' and ')}`
    }
    case 'resolve':
      return `settled what had ended unknown: ${settlement(entry)}`
    default:
      return `${entry.kind}${entry.of === undefined ? '' : ` of entry ${entry.of}`}`
  }
}

function outcomePairs(story: Story, paint: Paint): [string, string][] {
  const { entry, changed } = story
  const { outcome, decision, action } = entry
  if (outcome === undefined) return []
  if (entry.kind === 'resolve')
    return [['why', `in words that are sealed in the vault (commitment ${entry.reason ?? ''})`]]
  const code = outcome.error ?? decision?.reason
  const says =
    code !== undefined && Object.hasOwn(reasonTable, code) ? reasonTable[code as keyof typeof reasonTable] : undefined
  const why = code === undefined ? '' : `: ${says === undefined ? visible(code) : `${says} (${code})`}`
  const changes = {
    nothing: 'nothing',
    done: `${visible(action ?? '')} took effect`,
    unknown: 'nobody knows: it may have taken effect before it could be recorded',
  }[changed]
  return [
    ['outcome', `${paint.strong(paintStatus(outcome.status, paint))}${why}`],
    ['changed', changes],
    ...settledPairs(story),
    ...undoPairs(story),
  ]
}

/** What ended unknown waits for a person. */
function settledPairs({ entry, resolvedBy }: Story): [string, string][] {
  if (entry.kind !== 'action' || entry.outcome?.status !== 'unknown') return []
  if (resolvedBy !== undefined) return [['settled', `by entry ${resolvedBy}; see \`kestrel explain ${resolvedBy}\``]]
  return [['next', `find out, then say it: kestrel resolve ${entry.seq} --as-done|--as-not-done --reason TEXT`]]
}

/** Whether it can be put back, and how. */
function undoPairs({ entry, undoneBy, isExpired }: Story): [string, string][] {
  if (entry.undo === undefined) return []
  if (undoneBy !== undefined) return [['undone', `by entry ${undoneBy}; \`kestrel undo ${undoneBy}\` takes that back`]]
  const until = timeText(entry.undo.until)
  if (isExpired) return [['undo', `was possible until ${until}`]]
  return [['undo', `until ${until}: kestrel undo ${entry.seq}`]]
}

function rulePairs(story: Story, policyFile: string, paint: Paint): [string, string | readonly string[]][] {
  const { entry, policy, rules, suggestion, hint, isPermittedNow } = story
  const pairs: [string, string | readonly string[]][] = []
  const file = visible(policyFile)
  if (rules !== undefined && rules.length > 0) {
    pairs.push(['rule', rules.flatMap((rule) => ruleLines(rule, file, paint))])
  } else if (entry.decision?.rules !== undefined) {
    pairs.push(['rule', `${entry.decision.rules.map(visible).join(', ')} of the policy of entry ${entry.policy ?? ''}`])
  }
  if (policy !== undefined && !policy.isCurrent) {
    pairs.push([
      'policy',
      `\`${file}\` is no longer the file of then (entry ${policy.seq}); what follows is said by the file of now`,
    ])
  }
  if (isPermittedNow === true) pairs.push(['now', 'the policy permits it by now'])
  if (suggestion !== undefined) pairs.push(['to allow it', ['add this to the policy:', ...textLines(suggestion)]])
  else if (hint !== undefined) pairs.push(['next', textLines(hint)])
  return pairs
}

function ruleLines({ id, line, text }: ToldRule, file: string, paint: Paint): string[] {
  if (line === undefined || text === undefined) return [visible(id)]
  return [`${visible(id)}  ${paint.quiet(`${file}:${line}`)}`, ...indented(textLines(text), 2)]
}
