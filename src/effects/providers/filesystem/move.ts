import { accessSync, constants } from 'node:fs'
import { pooledRandom, type RandomBytes } from '../../../base/random.ts'
import type { ActionDefinition, Answer, Call, ResourceReading } from '../../provider.ts'
import { flag, optional, shape, text } from '../params.ts'
import { stopIfAborted } from './approach.ts'
import { answering, answerTo, conflict, doubt } from './ending.ts'
import { assertMoveImaged } from './imaged.ts'
import { settle } from './made-folders.ts'
import { judgeTree, planMove } from './move-plan.ts'
import { readPath } from './path.ts'
import { planMoved } from './plans.ts'
import { relocateFile, relocateFolder } from './relocation.ts'
import { reversalOf } from './reversal.ts'
import type { SharedFolder } from './syncs.ts'
import { isAsFound } from './tree.ts'
import type { Ground } from './walk.ts'

/**
 * `fs.move`: gives a file or folder the name `to`, within one volume → `{overwritten}`.
 *
 * The policy judges both paths, and of a folder each path within, before and after. What stands at `to` is left as it is; with
 * `overwrite` a file replaces a file.
 */
export function moveAction(ground: Ground): ActionDefinition {
  const random = pooledRandom()
  return {
    kind: 'mutate',
    readResource: readPath,
    otherResources: ({ to }) => [readTo(to as string)],
    checkParams: shape({ to: text, overwrite: optional(flag) }),
    perform: (call) => answering(call.resource, () => move(ground, call, random)),
    foresee: (call) => foresee(ground, call),
    reversal: reversalOf(ground, planMoved, (call) => foresee(ground, call)),
  }
}

function readTo(to: string): ResourceReading {
  const reading = readPath(to)
  return 'problem' in reading ? { problem: `\`to\`: ${reading.problem}` } : reading
}

async function move(ground: Ground, call: Call, random: RandomBytes): Promise<Answer> {
  const { volume, syncs } = ground
  // Taken before the first wait: whoever makes it on demand could not abort it afterwards.
  const { signal } = call
  using plan = planMove(ground, call)
  const { from, to, spot, replaced } = plan
  const tree = await judgeTree(ground, call, plan, signal)
  await assertMoveImaged(volume, call, spot, replaced)
  const folders: SharedFolder[] = []
  try {
    // Opened before the effect: afterwards a failure to open them could only end uncertain.
    for (const { folder } of [from, to]) folders.push(syncs.openFolder(folder))
    stopIfAborted(call, signal)
    if (tree !== undefined && !isAsFound(ground, spot, tree)) throw conflict(call.resource, 'was changed')
    plan.confirm()
    const relocation = { volume, from, to, moved: spot.facts, replaced: replaced?.facts, random }
    if (tree === undefined) relocateFile(relocation)
    else relocateFolder(relocation)
    if (await settle(syncs, folders)) return { effect: 'done', result: { overwritten: replaced !== undefined } }
    const does = `\`${from.path}\` was moved to \`${to.path}\`, but the disk did not confirm it`
    return doubt(`${does}; look where it is`).answer
  } finally {
    for (const folder of folders) folder.release()
  }
}

async function foresee(ground: Ground, call: Call): Promise<Answer | undefined> {
  try {
    using plan = planMove(ground, call)
    await judgeTree(ground, call, plan, call.signal)
    for (const { folder } of [plan.from, plan.to]) accessSync(folder.at, constants.W_OK | constants.X_OK)
    return undefined
  } catch (error) {
    return answerTo(error, call.resource)
  }
}
