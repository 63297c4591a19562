import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll } from 'vitest'
import type { JsonObject } from '../../../src/base/json.ts'
import { protect } from '../../../src/effects/protection.ts'
import {
  describeJail,
  processes,
  type Answer,
  type Call,
  type ContentStore,
  type ProcessesOptions,
} from '../../../src/effects/providers/index.ts'
import { needs } from '../../tool.ts'

export const canary = 'CANARY-e07b'

/** Where this machine has bubblewrap, wherever that is. */
const bubblewrap = (process.env['PATH'] ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'bwrap'))
  .find((path) => existsSync(path))

/** Suites that need a jail that works. */
export const jailed: ReturnType<typeof needs> = needs(
  'bwrap',
  'install bubblewrap 0.10 or later: apt-get install bubblewrap',
  () => bubblewrap !== undefined && describeJail({ bubblewrap }).tier === 'jail',
)

export const inJail: ProcessesOptions = { jail: 'always', ...(bubblewrap !== undefined && { bubblewrap }) }
export const onHost: ProcessesOptions = { jail: 'never' }

/** A piece of a machine: `w` is mounted as `/w`, `own` is Kestrel's; everything else lies beside them. */
export interface Machine extends AsyncDisposable {
  readonly root: string
  path(name: string): string
  /** What the kernel would be answered, or `{ invalid }`. */
  exec(program: string, params?: JsonObject, changes?: Partial<Call>): Promise<Answer | { invalid: string }>
  /** The result, of a program that must end. */
  result(program: string, params?: JsonObject, changes?: Partial<Call>): Promise<Result>
  sh(script: string, params?: JsonObject, changes?: Partial<Call>): Promise<Result>
  close(): Promise<void>
}

export interface Result {
  readonly exitCode: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
  readonly encoding?: { readonly stdout?: 'base64' }
  readonly truncated?: Readonly<Record<'stdout' | 'stderr', Cut | undefined>>
}

interface Cut {
  readonly sizeBytes: number
  readonly kept?: { readonly id: string; readonly sizeBytes: number }
}

/** @param own protected, by path from the root */
export function aMachine(options: ProcessesOptions, own: readonly string[] = ['own']): Machine {
  const root = mkdtempSync(join(realpathSync(tmpdir()), 'kestrel-machine-'))
  const path = (name: string): string => join(root, name)
  for (const folder of ['w/folder', 'own']) mkdirSync(path(folder), { recursive: true })
  writeFileSync(path('own/key'), canary, { mode: 0o600 })
  const provider = processes(options)
  const action = provider.actions['proc.exec'] as (typeof provider.actions)[string]
  const places = own.map(path)
  const machine: Machine = {
    root,
    path,
    async exec(program, params = {}, changes = {}) {
      const invalid = action.checkParams?.(params)
      if (invalid !== undefined) return { invalid }
      const reading = action.readResource(program)
      if ('problem' in reading) return { invalid: reading.problem }
      return await action.perform({
        action: 'proc.exec',
        resource: reading.canonical,
        params,
        mounts: new Map([['/w', path('w')]]),
        protection: Object.assign(protect(places), { places: () => places }),
        signal: new AbortController().signal,
        network: 'public',
        judge: () => ({ network: 'public' }),
        contents: noVault,
        report: () => undefined,
        ...changes,
      })
    },
    async result(program, params, changes) {
      const answer = await machine.exec(program, params, changes)
      if (!('effect' in answer) || answer.effect !== 'done') throw new Error(JSON.stringify(answer))
      return answer.result as unknown as Result
    },
    sh: (script, params, changes) => machine.result('sh', { args: ['-c', script], ...params }, changes),
    close: async () => await provider.close?.(),
    async [Symbol.asyncDispose]() {
      await provider.close?.()
      rmSync(root, { recursive: true, force: true })
    },
  }
  return machine
}

/** A vault that is not there yet. */
const noVault: ContentStore = {
  keep: () => Promise.reject(new Error('there is no vault')),
  open: () => {
    throw new Error('there is no vault')
  },
}

/** Takes what it is given, `delayMs` after each piece; counts, and holds nothing. */
export function aVault(delayMs = 0): ContentStore & { readonly kept: number[]; broken: number } {
  const vault = {
    kept: [] as number[],
    broken: 0,
    async keep(pieces: AsyncIterable<Uint8Array>) {
      let sizeBytes = 0
      try {
        for await (const piece of pieces) {
          sizeBytes += piece.length
          if (delayMs > 0) await pause(delayMs)
        }
      } catch (error) {
        vault.broken++
        throw error
      }
      vault.kept.push(sizeBytes)
      return { id: 'ab'.repeat(32), sizeBytes }
    },
    open: noVault.open,
  }
  return vault
}

const leftovers = new Set<string>()
afterAll(() => {
  for (const mark of leftovers) for (const pid of running(mark)) process.kill(pid, 'SIGKILL')
})

/** A number of seconds for `sleep` that nobody else sleeps: how a process is found again. */
export function aLongSleep(): string {
  const seconds = `${10_000 + Math.floor(Math.random() * 80_000)}.${process.pid}`
  leftovers.add(seconds)
  return seconds
}

/** Processes of this machine that have `mark` among their arguments. */
export function running(mark: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(mark)
      } catch {
        return false
      }
    })
    .map(Number)
}

/** Waits until `condition` holds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(5)
}
