import { accessSync, constants } from 'node:fs'
import type { JsonObject } from '../../../base/json.ts'
import type { Call } from '../../provider.ts'
import type { Named } from './aside.ts'
import { fail, refuse, type Ended } from './ending.ts'
import { findExisting } from './existing.ts'
import { isWithin, join, readPath } from './path.ts'
import { existing, intoItself } from './relocation.ts'
import { askAbout, lookOver, mountEnding, refuseMount, type Tree } from './tree.ts'
import { isSame, type Spot } from './volume.ts'
import { Walk, type Ground } from './walk.ts'

/** What a move is about, walked to and judged, and held open until it is disposed. */
export interface MovePlan extends Disposable {
  readonly from: Named
  readonly to: Named
  readonly spot: Spot
  /** The file at `to` that is to be replaced. */
  readonly replaced: Spot | undefined
  /** Refuses when either folder was moved away meanwhile. @throws Ended */
  readonly confirm: () => void
}

/** The path that `to` names, which the gate has read already. */
export function destinationOf(params: JsonObject): string {
  const reading = readPath(params['to'] as string)
  return 'canonical' in reading ? reading.canonical : '/'
}

/** @throws Ended when it cannot be */
export function planMove(ground: Ground, call: Call): MovePlan {
  const path = destinationOf(call.params)
  if (path === call.resource) throw oneFile(call.resource, path)
  if (isWithin(path, call.resource)) throw intoItself(call.resource, path)
  using stack = new DisposableStack()
  const { spot, walk: source } = stack.use(findExisting(ground, call))
  const name = source.segments.at(-1)
  if (name === undefined) throw mountEnding(call.resource)
  refuseMount({ ground, call }, source.folder, spot)
  const target = stack.use(new Walk(ground, { resource: path, mounts: call.mounts, protection: call.protection }))
  const newName = approachTarget(target, spot, call, path)
  refuseOtherVolume(ground, source.folder, target.folder, call, path)
  const from = { folder: source.folder, name, path: call.resource }
  const to = { folder: target.folder, name: newName, path }
  const replaced = judgeTarget(ground, { from, to, spot, target, call })
  const held = stack.move()
  return {
    from,
    to,
    spot,
    replaced,
    confirm: () => {
      source.confirm()
      target.confirm()
    },
    [Symbol.dispose]: () => held.dispose(),
  }
}

/** @returns what is to go along with a folder, once all of it was found to be fit; undefined for a file. @throws Ended */
export async function judgeTree(
  ground: Ground,
  call: Call,
  plan: MovePlan,
  signal: AbortSignal,
): Promise<Tree | undefined> {
  const { spot, from, to } = plan
  if (!spot.facts.isDirectory()) return undefined
  const judge = (names: readonly string[]): void => {
    const [before, after] = [names.reduce(join, from.path), names.reduce(join, to.path)]
    if (call.protection.coversPath(names.reduce(join, join(to.folder.path, to.name)))) {
      throw refuse('self_protected', `\`${after}\` would belong to Kestrel itself, which no action may touch`)
    }
    askAbout(call, before)
    askAbout(call, after)
  }
  return lookOver(spot, from.name, { ground, call, signal, judge })
}

/** Walks to the folder that is to hold `spot`. @returns the name that it gets there */
function approachTarget(walk: Walk, spot: Spot, call: Call, path: string): string {
  for (const name of walk.segments.slice(0, -1)) {
    const next = walk.look(name)
    if (next === undefined) {
      const parent = join(walk.folderName, name)
      throw fail('parent_missing', `the folder \`${parent}\` does not exist; make it with \`fs.mkdir\``)
    }
    walk.into(next)
    // The same folder by another mount of the policy.
    if (isSame(next.facts, spot.facts)) throw intoItself(call.resource, path)
  }
  const last = walk.segments.at(-1)
  if (last === undefined) throw mountEnding(path)
  return last
}

function refuseOtherVolume({ volume }: Ground, from: Spot, to: Spot, call: Call, path: string): void {
  if (from.facts.dev === to.facts.dev && volume.mountOf(from) === volume.mountOf(to)) return
  const does = `\`${call.resource}\` and \`${path}\` lie on different volumes`
  throw fail('cross_device', `${does}; write the content there, then delete it here`)
}

interface Aim {
  readonly from: Named
  readonly to: Named
  readonly spot: Spot
  readonly target: Walk
  readonly call: Call
}

/** @returns the file that is replaced, or undefined where the name is free. @throws Ended */
function judgeTarget({ volume }: Ground, { from, to, spot, target, call }: Aim): Spot | undefined {
  if (isSame(volume.look(to.folder, to.name), spot.facts)) throw oneFile(from.path, to.path)
  const replaced = target.look(to.name)
  if (replaced === undefined) {
    target.guardRest()
    // Whether the volume drops dots and spaces at the end of a name shows at the one that it has.
    const [end] = /[. ]$/.exec(to.name) ?? []
    if (end !== undefined && isSame(volume.look(from.folder, `${from.name}${end}`), spot.facts)) {
      throw refuse('name_mismatch', `the volume would not store \`${to.path}\` as it is spelled`)
    }
    return undefined
  }
  if (call.params['overwrite'] !== true || !spot.facts.isFile() || !replaced.facts.isFile()) throw existing(to)
  // A rename needs no permission of the file that it replaces; the file's own must count all the same.
  accessSync(replaced.at, constants.W_OK)
  return replaced
}

function oneFile(from: string, to: string): Ended {
  const does = `\`${from}\` and \`${to}\` are one file already: the same path, two links, or two names that the volume takes for one`
  return fail('same_file', `${does}; delete one of two links, or move it by way of a third name`)
}
