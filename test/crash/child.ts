import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { KillPlan } from './kill-plan.ts'

/** Starts a process that works in `root` until its plan, or somebody, kills it. */
export function startChild(
  root: string,
  seed: number,
  round: number,
  plan: KillPlan,
): ChildProcessByStdio<null, Readable, Readable> {
  const script = join(import.meta.dirname, 'child-that-is-killed.ts')
  // Compiled once for all of them, a start costs half.
  const env = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'kestrel-crash-compiled') }
  const inputs = [script, root, String(seed), String(round), JSON.stringify(plan)]
  return spawn(process.execPath, inputs, { env, stdio: ['ignore', 'pipe', 'pipe'] })
}
