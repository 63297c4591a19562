import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'
import { isOnPath, needs } from '../tool.ts'

/** How a program ended, and what it printed. */
export interface Said {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** A program built from one of the Go modules beside this file. */
export interface GoProgram {
  /** For suites that run it; where it cannot be built they are skipped, and counted. */
  readonly suite: ReturnType<typeof needs>
  /** A folder of this test file's own, gone at its end. */
  readonly folder: string
  run(args: readonly string[], input?: string): Promise<Said>
  /** Starts it, and resolves to the first line that it prints. It is ended with the test file at the latest. */
  start(args: readonly string[]): Promise<Started>
}

export interface Started extends Disposable {
  readonly line: string
}

const how =
  'install Go 1.24 or later: apt-get install golang; its modules are fetched once from the Go proxy, by the digests in go.sum'
/** A clean machine builds Go's own libraries first. */
const buildMs = 300_000
const runMs = 20_000

/** @param main what to build: a package of the module, or one that it names as its tool */
export async function aGoProgram(module: string, main: string = '.'): Promise<GoProgram> {
  const folder = mkdtempSync(join(tmpdir(), 'kestrel-go-'))
  const program = join(folder, 'program')
  const cwd = fileURLToPath(new URL(`${module}/`, import.meta.url))
  const isBuilt = isOnPath('go') && (await builds(['build', '-mod=readonly', '-o', program, main], cwd))
  const suite = needs('go', how, () => isBuilt)
  const started = new Set<ChildProcess>()
  afterAll(() => {
    for (const child of started) child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })
  return {
    suite,
    folder,
    run: (args, input = '') =>
      new Promise((resolve) => {
        const child = execFile(program, args, { timeout: runMs, cwd: folder }, (error, stdout, stderr) => {
          resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr })
        })
        child.stdin?.on('error', () => undefined)
        child.stdin?.end(input)
      }),
    async start(args) {
      const child = spawn(program, args, { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] })
      started.add(child)
      const { promise, resolve, reject } = Promise.withResolvers<string>()
      child.stdout.setEncoding('utf8').once('data', (text: string) => resolve(text.split('\n')[0] ?? ''))
      child.on('error', reject).on('close', () => reject(new Error('it ended before it printed anything')))
      return { line: await promise, [Symbol.dispose]: () => void child.kill('SIGKILL') }
    },
  }
}

function builds(args: readonly string[], cwd: string): Promise<boolean> {
  return new Promise((resolve) => {
    execFile('go', args, { cwd, timeout: buildMs }, (error) => resolve(error === null))
  })
}
