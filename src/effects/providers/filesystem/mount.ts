import { join, segmentsOf } from './path.ts'

/** A path that an agent named, as a mounted folder and the names below it. */
export interface MountedPath {
  /** As agents see it: `/workspace`. */
  readonly mount: string
  /** The folder of the host that stands behind it, absolute. */
  readonly folder: string
  readonly segments: readonly string[]
}

/**
 * Which mount a canonical path belongs to: the longest whose name is a prefix of whole segments, or undefined.
 *
 * A policy without mounts names the host's own paths: its one mount is `/`.
 */
export function locate(path: string, mounts: ReadonlyMap<string, string> | undefined): MountedPath | undefined {
  const segments = segmentsOf(path)
  if (mounts === undefined) return { mount: '/', folder: '/', segments }
  for (let length = segments.length; length >= 0; length--) {
    const mount = `/${segments.slice(0, length).join('/')}`
    const folder = mounts.get(mount)
    if (folder !== undefined) return { mount, folder, segments: segments.slice(length) }
  }
  return undefined
}

/** The agent's spelling of the first `depth` names below the mount. */
export function agentPath(place: MountedPath, depth: number): string {
  return place.segments.slice(0, depth).reduce(join, place.mount)
}
