import { spawn, type ChildProcess, type SpawnOptions, type StdioOptions } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { systemCode } from '../../../base/errors.ts'
import { fail } from '../filesystem/ending.ts'

/** How a program ended; or that it never began, with the system's code where there is one. */
export type Ending =
  | { readonly exitCode: number | null; readonly signal: string | null }
  | { readonly notStarted: string }

/** A program that runs. */
export interface Running {
  readonly stdout: Readable
  readonly stderr: Readable
  /** Settles when the program itself is over, whatever it has left. */
  readonly ended: Promise<Ending>
  /** Ends it and all that it has started. Resolves when nothing of it is left, or `limits.execEndMs` have passed. */
  stop(): Promise<void>
}

export interface Start {
  readonly file: string
  readonly args: readonly string[]
  readonly stdin: Uint8Array | undefined
  /** What is open in the child besides its three streams, from 3 on: a descriptor, or a new pipe. */
  readonly files: readonly (number | 'pipe')[]
  /** Descriptors that must not reach the child. */
  readonly hidden: readonly number[]
  readonly options: Pick<SpawnOptions, 'argv0' | 'cwd' | 'env' | 'uid' | 'gid'>
}

/** A child in a session of its own, started without any shell. */
export interface Child {
  readonly process: ChildProcess
  readonly stdout: Readable
  readonly stderr: Readable
  readonly exited: Promise<Ending>
}

export function startChild({ file, args, stdin, files, hidden, options }: Start): Child {
  const nothing = hidden.length === 0 ? undefined : openSync('/dev/null', 'r+')
  try {
    const stdio: StdioOptions = [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe', ...files]
    for (const fd of hidden) stdio[fd] ??= nothing
    for (let fd = 0; fd < stdio.length; fd++) stdio[fd] ??= 'ignore'
    const child = spawn(file, args, { ...options, stdio, shell: false, detached: true })
    const exited = endingOf(child)
    // Node gives no streams to a child for which it had no descriptors left.
    if (!child.stdout || !child.stderr)
      throw fail('busy', 'too many files are open to start a program; try again', true)
    feed(child.stdin, stdin)
    return { process: child, stdout: child.stdout, stderr: child.stderr, exited }
  } finally {
    if (nothing !== undefined) closeSync(nothing)
  }
}

async function endingOf(child: ChildProcess): Promise<Ending> {
  try {
    const [exitCode, signal] = (await once(child, 'exit')) as [number | null, string | null]
    return { exitCode, signal }
  } catch (error) {
    return { notStarted: systemCode(error) ?? 'unknown' }
  } finally {
    // A signal that cannot be sent is told as an error too, and by then nobody waits for it.
    child.on('error', () => undefined)
  }
}

/** A program need not read what it is given: it may close its end at any time. */
function feed(stdin: Writable | null, bytes: Uint8Array | undefined): void {
  stdin?.on('error', () => undefined)
  stdin?.end(bytes)
}
