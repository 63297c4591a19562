import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What must never be shown. */
export const canary = 'canary-7d21c0-do-not-tell'

const program = fileURLToPath(new URL('../../src/cli/bin.ts', import.meta.url))

/** What a command printed as JSON: each test says itself which shape it expects. */
// oxlint-disable-next-line typescript/no-explicit-any -- anything else would repeat the contract in types
export type Printed = any

/** How one command line ended. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly input?: string | Uint8Array
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Runs as this user; only for root. */
  readonly uid?: number
}

/** A folder of its own in which the real program runs as a child process. */
export interface Place extends Disposable {
  readonly root: string
  readonly ledger: string
  path(...parts: readonly string[]): string
  write(name: string, content: string | Uint8Array): string
  start(args: readonly string[], options?: RunOptions): ChildProcessWithoutNullStreams
  run(args: readonly string[], options?: RunOptions): Promise<Ended>
  /** Runs with `--json`, and parses the one line that stdout must then hold. */
  json(
    args: readonly string[],
    options?: RunOptions,
  ): Promise<{ readonly code: number | null; readonly value: Printed }>
  /** The same for JSON lines. */
  jsonLines(args: readonly string[], options?: RunOptions): Promise<Printed[]>
}

const starter = `version: 1
mounts: { /workspace: ./workspace }
allow:
  - { action: fs.list, resource: "/workspace/**" }
  - { action: fs.stat, resource: "/workspace/**" }
  - { action: fs.read, resource: "/workspace/**" }
  - { action: fs.write, resource: "/workspace/output/**" }
  - { action: fs.write, resource: "/workspace/team/**", who: [role:editor] }
deny:
  - { action: fs.*, resource: "**/.env" }
`

export function aPlace(files: Readonly<Record<string, string | Uint8Array>> = {}, policy: string = starter): Place {
  const place = placeAt(newRoot())
  mkdirSync(place.path('workspace'))
  place.write('policy.yaml', policy)
  for (const [name, content] of Object.entries(files)) place.write(join('workspace', name), content)
  return place
}

/** A copy of a place, keys and log and all, without running anything. */
export function copyOf(place: Place): Place {
  const root = newRoot()
  cpSync(place.root, root, { recursive: true, verbatimSymlinks: true })
  // folders arrive with the usual mode
  for (const name of ['', ...readdirSync(join(root, 'keys'))]) chmodSync(join(root, 'keys', name), 0o700)
  return placeAt(root)
}

function newRoot(): string {
  return mkdtempSync(join(tmpdir(), 'kestrel-cli-'))
}

function placeAt(root: string): Place {
  const path = (...parts: readonly string[]): string => join(root, ...parts)
  const write = (name: string, content: string | Uint8Array): string => {
    mkdirSync(dirname(path(name)), { recursive: true })
    writeFileSync(path(name), content)
    return path(name)
  }
  const start = (
    args: readonly string[],
    { env = {}, cwd = root, uid }: RunOptions = {},
  ): ChildProcessWithoutNullStreams =>
    spawn(process.execPath, [program, ...args], {
      cwd,
      env: { HOME: path('home'), PATH: '', KESTREL_KEYS_DIR: path('keys'), ...env },
      stdio: 'pipe',
      ...(uid !== undefined && { uid }),
    })
  const run = async (args: readonly string[], options: RunOptions = {}): Promise<Ended> => {
    const child = start(args, options)
    child.stdin.on('error', () => undefined)
    child.stdin.end(options.input ?? '')
    return ended(child)
  }
  return {
    root,
    ledger: path('.kestrel', 'ledger'),
    path,
    write,
    start,
    run,
    async json(args, options) {
      const { code, stdout, stderr } = await run([...args, '--json'], options)
      if (!/^[^\n]+\n$/.test(stdout)) throw new Error(`stdout is not one line: ${stdout}${stderr}`)
      return { code, value: JSON.parse(stdout) as unknown }
    },
    async jsonLines(args, options) {
      const { stdout } = await run([...args, '--json'], options)
      return linesOf(stdout).map((line) => JSON.parse(line) as unknown)
    },
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  }
}

export async function ended(child: ChildProcessWithoutNullStreams): Promise<Ended> {
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const { promise, resolve, reject } = Promise.withResolvers<number | null>()
  child.on('error', reject).on('close', resolve)
  return { code: await promise, stdout, stderr }
}

export function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '')
}

/** Waits until the child has printed a line that fits, and returns it. */
export async function lineFrom(child: ChildProcessWithoutNullStreams, pattern: RegExp): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part
    const line = linesOf(text.slice(0, text.lastIndexOf('\n') + 1)).find((each) => pattern.test(each))
    if (line !== undefined) resolve(line)
  })
  child.on('close', (code) => reject(new Error(`it ended with ${code} before it printed ${pattern.source}: ${text}`)))
  return promise
}
