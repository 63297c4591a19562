import type { Principal } from '../../base/principal.ts'
import type { JsonObject } from '../../base/json.ts'
import { visible } from '../../base/display.ts'
import type { Kernel } from '../../kernel/kernel.ts'
import { predict } from '../../kernel/predict.ts'
import type { Outcome } from '../../kernel/outcome.ts'
import { exitCodeOf } from '../exit-code.ts'
import { foreseenSeq } from '../foreseen-seq.ts'
import { definitionOf } from '../questions.ts'
import { outcomeLines } from '../render/outcome.ts'
import { readAs, readParams, usage } from '../typed-request.ts'
import { providersOfCli } from '../cli-providers.ts'
import { withKernel } from '../with-kernel.ts'
import type { World } from '../world.ts'
import { submitBatch } from './submit-batch.ts'

export interface SubmitOptions {
  readonly action?: string | undefined
  readonly resource?: string | undefined
  readonly param?: readonly string[] | undefined
  readonly params?: string | undefined
  readonly as?: string | undefined
  readonly key?: string | undefined
  readonly dryRun?: true | undefined
  readonly batch?: string | undefined
  readonly fail?: true | undefined
}

/** Sends one request, or a batch of them, through the gate. */
export async function submit(world: World, options: SubmitOptions): Promise<number> {
  const principal = readAs(options.as)
  if (options.batch !== undefined) {
    assertBatchAlone(options)
    const { batch: source, dryRun, fail } = options
    return submitBatch(world, { source, principal, dryRun: dryRun === true, fail: fail === true })
  }
  if (options.fail === true) throw usage('`--fail` goes with `--batch`')
  const request = requestOf(options)
  const send = options.dryRun === true ? foresee : perform
  const outcome = await send(world, principal, request)
  const { terminal } = world
  if (terminal.isJson) terminal.json(outcome)
  else terminal.say(...outcomeLines(outcome, terminal.paint, { isDryRun: options.dryRun === true }))
  return exitCodeOf(outcome.status)
}

function assertBatchAlone({ action, param, params, key }: SubmitOptions): void {
  const given = Object.entries({ ACTION: action, '--param': param, '--params': params, '--key': key })
  const extra = given.find(([, value]) => value !== undefined)
  if (extra !== undefined) throw usage(`\`${extra[0]}\` does not go with \`--batch\`, whose lines say it themselves`)
}

function requestOf({ action, resource, param, params, key, dryRun }: SubmitOptions): JsonObject {
  if (action === undefined || resource === undefined) {
    throw usage('name an action and a resource, as `kestrel submit fs.read /workspace/data.csv`, or a `--batch`')
  }
  const read = readParams(param ?? [], params, definitionOf(action)?.checkParams)
  return {
    action,
    resource,
    ...(read !== undefined && { params: read }),
    ...(key !== undefined && { idempotencyKey: key }),
    ...(dryRun === true && { dryRun }),
  }
}

function perform(world: World, principal: Principal, request: JsonObject): Promise<Outcome> {
  return withKernel(world, async (kernel) => {
    const outcome = await kernel.as(principal).submit(JSON.stringify(request))
    await warnOfUndo(world, kernel, principal, outcome)
    return outcome
  })
}

/** A deny rule may forbid what an undo would have to do: better known now than later. */
async function warnOfUndo({ terminal }: World, kernel: Kernel, principal: Principal, outcome: Outcome): Promise<void> {
  if (outcome.undo === undefined) return
  const reason = await kernel.operator(principal).whyNotUndo(outcome.seq)
  if (reason === undefined) return
  const since = reason.code === 'denied_by_rule' ? 'while the policy says so' : 'as it is'
  terminal.note(`kestrel: it cannot be undone ${since}: ${visible(reason.message)}`)
}

async function foresee(world: World, principal: Principal, request: JsonObject): Promise<Outcome> {
  const { policy, dataDir, keysDir } = world.places
  const treeSize = await foreseenSeq(world)
  return predict({ policy, dataDir, keysDir, providers: providersOfCli(world.places), treeSize }, principal, request)
}
