import type { CompiledPolicy } from './compiled-policy.ts'
import type { RootOf } from './cover.ts'

/**
 * Up to where resources may be taken together: a mount, the host of a URL, the server of a tool, and without mounts two
 * folders deep. Never everything, and never across these.
 */
export function rootsOf({ mounts }: CompiledPolicy): RootOf {
  const names = mounts === undefined ? undefined : [...mounts.keys()]
  return (resource) => {
    const url = /^[a-z][a-z0-9+.-]*:\/\/[^/]+/.exec(resource)?.[0]
    if (url !== undefined) return url
    if (!resource.startsWith('/')) return /^[^/]+(?=\/)/.exec(resource)?.[0]
    if (names === undefined) return /^\/[^/]+\/[^/]+(?=\/)/.exec(`${resource}/`)?.[0]
    return names.find((name) => resource === name || resource.startsWith(`${name}/`))
  }
}
