import {
  actionsToldByParams,
  suggestPolicy,
  wasDecidedByPolicy,
  type Observation,
  type PastDecision,
  type Suggestion,
} from '../../authority/policy/index.ts'
import { canonicalJson } from '../../base/canonical-json.ts'
import type { JsonObject, JsonValue } from '../../base/json.ts'
import { limits } from '../../base/limits.ts'
import { readPolicy, readPolicyText } from '../../kernel/policy-source.ts'
import { providersOfCli } from '../cli-providers.ts'
import { exitCodes } from '../exit-code.ts'
import { readCount, readTime } from '../log-filter.ts'
import { readAs, usage } from '../typed-request.ts'
import type { World } from '../world.ts'
import { Past, type LoggedRequest } from './policy-past.ts'

export interface PolicySuggestOptions {
  readonly from?: string | undefined
  readonly since?: string | undefined
  readonly as?: string | undefined
  readonly who?: true | undefined
  readonly learn?: true | undefined
}

/** Prints a policy for what the log saw. Reads only. */
export async function policySuggest(world: World, options: PolicySuggestOptions): Promise<number> {
  const { terminal, places } = world
  const text = readPolicyText(places.policy)
  const policy = readPolicy(places.policy)
  const filter = filterOf(options)
  await using past = await Past.open(world)
  const unread = await observe(past, filter, new Set())
  const told = actionsToldByParams(unread)
  const observations = unread.some(({ action }) => told.has(action)) ? await observe(past, filter, told) : unread
  const actions = new Map(
    providersOfCli().flatMap((provider) =>
      Object.entries(provider.actions).map(([name, { kind }]) => [name, kind] as const),
    ),
  )
  const suggestion = suggestPolicy(observations, { policy, text, actions, withWho: options.who === true })
  if (terminal.isJson) terminal.json(asJson(suggestion))
  else terminal.write(suggestion.yaml)
  warn(world, suggestion)
  return exitCodes.ok
}

interface Filter {
  readonly from: number
  readonly sinceMs: number
  readonly principal: string | undefined
  readonly learns: boolean
}

function filterOf({ from, since, as, learn }: PolicySuggestOptions): Filter {
  return {
    from: from === undefined ? 0 : readCount(from, '`--from`'),
    sinceMs: since === undefined ? 0 : readTime(since, Date.now()),
    principal: as === undefined ? undefined : readAs(as).id,
    learns: learn === true,
  }
}

/** What is asked for apart from others: each distinct request once, in the order of the log. */
async function observe(past: Past, filter: Filter, told: ReadonlySet<string>): Promise<readonly Observation[]> {
  const found = new Map<string, Observation>()
  for await (const request of past.requests(filter.from)) {
    if (request.timeMs < filter.sinceMs) continue
    if (filter.principal !== undefined && request.principal !== filter.principal) continue
    const is = kindOf(request.was, filter.learns)
    if (is === undefined) continue
    const observation = await observationOf(past, request, is, told)
    const { action, principal, resources, params } = observation
    const sent = params === undefined ? '' : canonicalJson(params)
    const key = [is, action, principal, sent, ...resources].join('\0')
    if (found.size >= limits.suggestedRequests && !found.has(key)) {
      throw usage(
        `the log holds more than ${limits.suggestedRequests} distinct requests; look at fewer by \`--since\` or \`--from\``,
      )
    }
    found.set(key, observation)
  }
  return [...found.values()]
}

/** What a provider refused lies where no pattern should reach; nor should one let pass what was held for a person. */
const closedPlaces: ReadonlySet<string> = new Set([
  'outside_mount',
  'self_protected',
  'unsafe_file',
  'name_mismatch',
  'private_address',
])
const learnable: ReadonlySet<string> = new Set([
  'no_matching_rule',
  'role_missing',
  'constraint_mismatch',
  'condition_false',
])

function kindOf(was: PastDecision, learns: boolean): Observation['is'] | undefined {
  if (was.effect === 'permit') return 'wanted'
  if (was.effect === 'hold') return 'closed'
  if (!wasDecidedByPolicy(was)) return closedPlaces.has(was.reason) ? 'closed' : undefined
  return learns && learnable.has(was.reason) ? 'wanted' : 'refused'
}

async function observationOf(
  past: Past,
  request: LoggedRequest,
  is: Observation['is'],
  told: ReadonlySet<string>,
): Promise<Observation> {
  const { action, resources, principal, seq, timeMs, hasParams } = request
  const sent = !hasParams || told.has(action) ? await past.params(request) : undefined
  return { action, resources, principal, is, seq, timeMs, params: sent === undefined ? undefined : shortened(sent) }
}

/** The longest param, as JSON, by which requests are told apart, but for the arguments of a program: the content of a file is none. */
const paramLength = 1000

function shortened(params: JsonObject): JsonObject {
  const short = Object.create(null) as Record<string, JsonValue>
  for (const [name, value] of Object.entries(params)) {
    const json = canonicalJson(value)
    if (json.length <= paramLength || name === 'args') short[name] = value
  }
  return short
}

function warn({ terminal }: World, { opened, leftOut }: Suggestion): void {
  if (opened.length > 0) {
    const seqs = opened.slice(0, 10).map(({ seq }) => seq)
    terminal.note(
      `kestrel: no rule tells ${opened.length} requests that were refused from permitted ones: entries ${seqs.join(', ')}`,
    )
  }
  if (leftOut.length > 0) {
    const seqs = leftOut.slice(0, 10).map(({ seq }) => seq)
    terminal.note(
      `kestrel: ${leftOut.length} requests that were permitted are left out, since the policy forbids them now or no rule can name them: entries ${seqs.join(', ')}`,
    )
  }
}

function asJson({ yaml, rules, leftOut, opened }: Suggestion): object {
  return { policy: yaml, rules, leftOut: leftOut.map(({ seq }) => seq), opened: opened.map(({ seq }) => seq) }
}
