import { isWithin, join } from './path.ts'

/** A path that an agent named, as a mounted folder and the names below it. */
export interface MountedPath {
  /** As agents see it: `/workspace`. */
  readonly mount: string
  /** The folder of the host that stands behind it, absolute. */
  readonly folder: string
  /** The names below the mount with slashes between them; empty for the mount itself. */
  readonly rest: string
}

/**
 * Which mount a canonical path belongs to: the longest whose name is a prefix of whole segments, or undefined.
 *
 * A policy without mounts names the host's own paths: its one mount is `/`.
 */
export function locate(path: string, mounts: ReadonlyMap<string, string> | undefined): MountedPath | undefined {
  if (mounts === undefined) return { mount: '/', folder: '/', rest: path.slice(1) }
  let found: MountedPath | undefined
  for (const [mount, folder] of mounts) {
    if (found !== undefined && mount.length <= found.mount.length) continue
    if (isWithin(path, mount)) found = { mount, folder, rest: path.slice(mount === '/' ? 1 : mount.length + 1) }
  }
  return found
}

/** The names below the mount. */
export function segmentsOf({ rest }: MountedPath): readonly string[] {
  return rest === '' ? [] : rest.split('/')
}

/** The agent's spelling of the first `depth` names below the mount. */
export function agentPath(place: MountedPath, depth: number): string {
  return segmentsOf(place).slice(0, depth).reduce(join, place.mount)
}
