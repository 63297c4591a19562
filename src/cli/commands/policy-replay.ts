import { resolve } from 'node:path'
import { Replay, type Missing, type PastDecision } from '../../authority/policy/index.ts'
import { visible } from '../../base/display.ts'
import { isKernelError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import { readPolicy } from '../../kernel/policy-source.ts'
import { exitCodes } from '../exit-code.ts'
import { readCount } from '../log-filter.ts'
import { indented } from '../render/layout.ts'
import type { Paint } from '../render/paint.ts'
import { readAs, usage } from '../typed-request.ts'
import type { World } from '../world.ts'
import { Past, type LoggedRequest } from './policy-past.ts'

export interface PolicyReplayOptions {
  readonly from?: string | undefined
  readonly limit?: string | undefined
  readonly roles?: readonly string[] | undefined
}

/** A decision that would be another one now, as `--json` prints it. */
interface Change {
  readonly seq: number
  readonly action: string
  readonly resource: string
  readonly principal: string
  readonly was: PastDecision
  readonly now: PastDecision
}

interface Report {
  changed: number
  readonly changes: Change[]
  undecided: number
  /** Why, each with its count. */
  readonly undecidedFor: Record<Missing, number>
  /** Requests that were decided anew, those without a verdict included. */
  judged: number
  /** Decided by something else than the policy, as `outside_mount`: no policy changes that. */
  notByPolicy: number
  readonly digest: string
}

/** Decides what the log holds under another policy, and tells what comes out otherwise. Changes nothing. */
export async function policyReplay(world: World, file: string, options: PolicyReplayOptions): Promise<number> {
  const { terminal, places } = world
  const policy = readPolicy(resolve(file))
  const before = policyOfNow(places.policy)
  const replay = new Replay(policy, { before, roles: readRoles(options.roles ?? []) })
  const from = options.from === undefined ? 0 : readCount(options.from, '`--from`')
  const most = options.limit === undefined ? limits.replayChanges : readCount(options.limit, '`--limit`')
  const report = emptyReport(policy.digest)
  await using past = await Past.open(world)
  for await (const request of past.requests(from)) {
    await judge(replay, past, request, report, Math.min(most, limits.replayChanges))
  }
  if (terminal.isJson) terminal.json(report)
  else terminal.say(...lines(report, file, terminal.paint))
  return exitCodes.ok
}

/** The policy file of the data directory: where it is the one that decided, the log proves roles. */
function policyOfNow(file: string): ReturnType<typeof readPolicy> | undefined {
  try {
    return readPolicy(file)
  } catch (error) {
    if (isKernelError(error)) return undefined
    throw error
  }
}

/** `id:role,role`, and `id:` for one without roles. @throws KernelError USAGE_INVALID, PRINCIPAL_INVALID */
export function readRoles(texts: readonly string[]): ReadonlyMap<string, readonly string[]> {
  return new Map(
    texts.map((text) => {
      if (!text.includes(':')) throw usage('`--roles` must be `id:role,role`, and `id:` for one who has none')
      const { id, roles } = readAs(text.replace(/:$/, ''))
      return [id, roles] as const
    }),
  )
}

async function judge(replay: Replay, past: Past, request: LoggedRequest, report: Report, most: number): Promise<void> {
  let judgement = replay.judge(request, request.hasParams ? undefined : await past.params(request))
  if (judgement.is === 'undecided' && judgement.needs === 'params') {
    judgement = replay.judge(request, await past.params(request))
  }
  if (judgement.is === 'not_by_policy') {
    report.notByPolicy++
    return
  }
  report.judged++
  if (judgement.is === 'undecided') {
    report.undecided++
    report.undecidedFor[judgement.needs]++
  } else if (judgement.is === 'changed') {
    report.changed++
    const { seq, action, resources, principal, was } = request
    if (report.changes.length < most) {
      report.changes.push({ seq, action, resource: resources.join(', '), principal, was, now: judgement.now })
    }
  }
}

function emptyReport(digest: string): Report {
  const undecidedFor = { params: 0, roles: 0, query: 0 }
  return { changed: 0, changes: [], undecided: 0, undecidedFor, judged: 0, notByPolicy: 0, digest }
}

function lines(report: Report, file: string, paint: Paint): string[] {
  const { changed, changes, undecided, undecidedFor, judged, notByPolicy } = report
  const head = `${judged} requests of the log under ${visible(file)}: ${paint.strong(changed === 0 ? 'nothing changes' : `${changed} change`)}`
  const groups = Map.groupBy(
    changes,
    ({ was, now }) => `${was.effect} → ${now.effect}  ${visible(now.rules.join(', ') || now.reason)}`,
  )
  const told = [...groups].flatMap(([by, group]) => [
    `${paint.strong(by)}  ${group.length}`,
    ...indented(
      group.slice(0, shown).map((each) => changeLine(each, paint)),
      2,
    ),
    ...more(group.length - shown),
  ])
  const why = (['params', 'roles', 'query'] as const)
    .filter((each) => undecidedFor[each] > 0)
    .map((each) => `  ${paint.wait(String(undecidedFor[each]))} ${words[each]}`)
  return [
    head,
    ...told,
    ...(changed > changes.length
      ? [`and ${changed - changes.length} more changes; \`--limit\` lists more of them`]
      : []),
    ...(undecided > 0 ? [`${undecided} cannot be decided anew:`, ...why] : []),
    ...(notByPolicy > 0
      ? [paint.quiet(`${notByPolicy} were refused by something else than the policy, which no policy changes`)]
      : []),
  ]
}

/** Changes of one kind that are told for people. */
const shown = 10

const words: Readonly<Record<Missing, string>> = {
  params: 'need params that are not kept, or whose keys are not here',
  roles: 'hang on roles, which the log does not hold: say them by `--roles ID:ROLE,ROLE`',
  query: 'hang on the query of a URL, which the log does not hold',
}

function changeLine({ seq, action, resource, principal, was, now }: Change, paint: Paint): string {
  const why = `${visible(was.reason)}${was.rules.length > 0 ? ` (${visible(was.rules.join(', '))})` : ''} → ${visible(now.reason)}`
  return `${String(seq).padStart(6)}  ${visible(principal)}  ${visible(action)}  ${paint.name(visible(resource))}  ${paint.quiet(why)}`
}

function more(count: number): string[] {
  return count > 0 ? [`  and ${count} more`] : []
}
