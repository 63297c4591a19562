import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { JsonObject, JsonValue } from '../../src/base/json.ts'

/** Actions to carry out in a process of their own, which may mount or be another user without harm to this one. */
export interface Errand {
  /** Mounted as `/w`. */
  readonly folder: string
  readonly own?: readonly string[]
  /** Commands to run first. */
  readonly before?: readonly (readonly [program: string, ...args: string[]])[]
  readonly acts: readonly (readonly [action: string, resource: string, params?: JsonObject])[]
}

const script = fileURLToPath(new URL('./errand.ts', import.meta.url))

/** Whether this machine lets a process make a mount namespace of its own. */
export function mayUnshare(): boolean {
  return spawnSync('unshare', ['-Urm', 'mount', '-t', 'tmpfs', 'none', '/tmp']).status === 0
}

/** The answers from a mount namespace, where `before` may mount. */
export function inNamespace(errand: Errand): readonly JsonValue[] {
  return answers(spawnSync('unshare', ['-Urm', process.execPath, script, JSON.stringify(errand)], { encoding: 'utf8' }))
}

/** The answers to a user without rights: `nobody` where this is root, else this one. */
export function withoutRights(errand: Errand): readonly JsonValue[] {
  const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  return answers(spawnSync(process.execPath, [script, JSON.stringify(errand)], { encoding: 'utf8', ...user }))
}

function answers(run: {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}): readonly JsonValue[] {
  if (run.status !== 0) throw new Error(`the errand failed: ${run.stderr}`)
  return JSON.parse(run.stdout) as JsonValue[]
}

export const needsNamespaces =
  'needs user namespaces: `sysctl kernel.unprivileged_userns_clone=1`, or a container that allows `unshare -Urm`'
