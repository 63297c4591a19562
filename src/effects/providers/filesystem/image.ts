import type { JsonObject } from '../../../base/json.ts'
import type { KeptContent } from '../../provider.ts'
import type { Spot } from './volume.ts'

/**
 * What a mutation is about to change, as it was before and as it will be afterwards.
 *
 * Paths are those that agents see, and `mounts` says what they meant then: an image is never put back elsewhere. Times are ns
 * since 1970 as text, since they do not fit a JSON number.
 */
export interface Image {
  readonly v: 1
  readonly mounts: Readonly<Record<string, string>>
  /** Outer folders before what lies in them. */
  readonly changes: readonly Change[]
  readonly moved?: Moved
}

export interface Change {
  readonly path: string
  readonly before: State
  readonly after: State
}

export type State = AbsentState | FileState | FolderState | LinkState

export interface AbsentState {
  readonly kind: 'absent'
}

export interface FileState {
  readonly kind: 'file'
  readonly sizeBytes: number
  /** Up to here the file stays as it is: only what follows is in the image. */
  readonly from?: number
  /** SHA-256 of what follows `from`, 64 hex. */
  readonly sha256: string
  readonly facts?: Facts
  /** What follows `from`; absent where it is empty, or only expected. */
  readonly content?: KeptContent
}

export interface FolderState {
  readonly kind: 'folder'
  readonly facts?: Facts
  /** All that it holds, by name; absent where that does not matter. */
  readonly entries?: readonly { readonly name: string; readonly state: State }[]
}

export interface LinkState {
  readonly kind: 'link'
  readonly target: string
}

export interface Facts {
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly atimeNs: string
  readonly mtimeNs: string
  /** Tells whether it is still the very file, unchanged, a moment later. */
  readonly seen: string
}

/** Something that goes from one name to another and stays what it is. */
export interface Moved {
  readonly from: string
  readonly to: string
  /** `stampOf` */
  readonly stamp: string
  /** The file that stood at `to`, which the move replaces. */
  readonly lost?: FileState
  /** The file that is expected at `from` when this is put back, and is replaced then. */
  readonly found?: FileState
}

export const absent: AbsentState = { kind: 'absent' }

/** What the provider made of an image it gave away, which the gate has kept sealed. */
export function readImage(image: JsonObject): Image {
  return image as unknown as Image
}

export function asJson(image: Image): JsonObject {
  return JSON.parse(JSON.stringify(image)) as JsonObject
}

/** What `seen` says of a file or folder as it is now. */
export function sightOf({ facts }: Pick<Spot, 'facts'>): string {
  return [facts.dev, facts.ino, facts.size, facts.mtimeNs, facts.ctimeNs, facts.mode].join(':')
}

export function factsOf(spot: Pick<Spot, 'facts'>): Facts {
  const { mode, uid, gid, atimeNs, mtimeNs } = spot.facts
  return {
    mode: Number(mode & 0o7777n),
    uid: Number(uid),
    gid: Number(gid),
    atimeNs: String(atimeNs),
    mtimeNs: String(mtimeNs),
    seen: sightOf(spot),
  }
}
