import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { JsonObject } from '../../../src/base/json.ts'
import { protect } from '../../../src/effects/protection.ts'
import { filesystem, type Answer, type Call, type Provider } from '../../../src/effects/providers/index.ts'
import { noContents } from '../a-host.ts'
import { numbersFrom } from '../../power/outcomes.ts'

export interface RaceOptions {
  readonly tries: number
  readonly seed: number
  readonly onProgress?: (tally: RaceTally) => void
}

/** How the tries ended, and everything that came out of the mounts or went in there. */
export interface RaceTally {
  tries: number
  ok: number
  refused: number
  failed: number
  uncertain: number
  /** Names swapped by the other process. */
  swaps: number
  /** By action. */
  readonly done: Record<string, number>
  readonly escapes: string[]
}

/** Stands in every file that no action may reach, and in the names of what lies beside them. */
const canary = 'CANARY-5d1c'
/** Of such a file; no file in the mounts has it. */
const canaryBytes = 4242

const swapper = fileURLToPath(new URL('./child-swapper.ts', import.meta.url))
const together = 4

/** Lets the provider act on names that a second process swaps as fast as it can, and looks whether anything led out. */
export async function race({ tries, seed, onProgress }: RaceOptions): Promise<RaceTally> {
  const tally: RaceTally = { tries: 0, ok: 0, refused: 0, failed: 0, uncertain: 0, swaps: 0, done: {}, escapes: [] }
  const root = mkdtempSync(join(realpathSync(tmpdir()), 'kestrel-race-'))
  const provider = filesystem()
  try {
    layOut(root)
    const before = outside(root)
    const child = spawn(process.execPath, [swapper, root, String(seed)], { stdio: ['ignore', 'pipe', 'inherit'] })
    child.stdout.on('data', (text: Buffer) => {
      tally.swaps = Number(/(\d+)\n$/.exec(text.toString())?.[1] ?? tally.swaps)
    })
    try {
      await once(child.stdout, 'data')
      const random = numbersFrom(seed)
      const act = acting(provider, root, (below) => Math.floor(random() * below))
      while (tally.tries < tries) {
        await Promise.all(Array.from({ length: together }, async () => count(tally, await act())))
        if (tally.tries % 1000 === 0) onProgress?.(tally)
      }
    } finally {
      await stop(child)
    }
    tally.escapes.push(...changes(before, outside(root)))
    return tally
  } finally {
    await provider.close?.()
    rmSync(root, { recursive: true, force: true })
  }
}

async function stop(child: ChildProcessByStdio<null, Readable, null>): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

function layOut(root: string): void {
  for (const folder of ['w/dir', 'w/deep/er', 'w/sub', 'outside/dir', 'outside/deep/er', 'own', 'parked']) {
    mkdirSync(join(root, folder), { recursive: true })
  }
  const secret = canary.padEnd(canaryBytes, '.')
  for (const file of ['outside/file', 'outside/dir/file', 'outside/deep/er/file', 'own/key'])
    writeFileSync(join(root, file), secret)
  for (const folder of ['outside', 'outside/dir', 'outside/deep/er']) writeFileSync(join(root, folder, canary), secret)
  for (const file of ['w/file', 'w/dir/file', 'w/deep/er/file', 'w/sub/file']) writeFileSync(join(root, file), 'inside')
  writeFileSync(join(root, 'outside/linked'), 'not secret, but not to be changed')
}

/** All that lies outside the mounts and is nobody's to change, a line each. */
function outside(root: string): readonly string[] {
  return ['outside', 'own'].flatMap((folder) => [folder, ...namesIn(root, folder)]).map((name) => describe(root, name))
}

function changes(before: readonly string[], after: readonly string[]): string[] {
  const gone = before.filter((line) => !after.includes(line)).map((line) => `outside, before: ${line.slice(0, 200)}`)
  return [
    ...gone,
    ...after.filter((line) => !before.includes(line)).map((line) => `outside, after: ${line.slice(0, 200)}`),
  ]
}

function namesIn(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const name = join(folder, entry.name)
    return entry.isDirectory() ? [name, ...namesIn(root, name)] : [name]
  })
}

function describe(root: string, name: string): string {
  const facts = lstatSync(join(root, name))
  const content = facts.isFile() ? readFileSync(join(root, name), 'utf8') : ''
  return [name, facts.ino, facts.mode, facts.size, facts.mtimeMs, content].join(' ')
}

interface Try {
  readonly action: string
  readonly path: string
  readonly answer: Answer
}

const paths = ['/w/file', '/w/dir/file', '/w/dir', '/w/dir/new', '/w/deep/er/file', '/w/deep/er', '/w/deep', '/w/file.real', '/w/hard', '/w/fifo', '/sub/file', '/sub', '/w'] // prettier-ignore
const actions = ['fs.read', 'fs.write', 'fs.append', 'fs.delete', 'fs.move', 'fs.mkdir', 'fs.list', 'fs.stat']

function acting(provider: Provider, root: string, random: (below: number) => number): () => Promise<Try> {
  const mounts = new Map([
    ['/w', join(root, 'w')],
    ['/sub', join(root, 'w/sub')],
  ])
  const protection = protect([join(root, 'own')])
  const pick = (list: readonly string[]): string => list[random(list.length)] as string
  const paramsOf = (action: string): JsonObject => {
    if (action === 'fs.write' || action === 'fs.append') return { content: 'written', parents: random(4) === 0 }
    if (action === 'fs.move') return { to: pick(paths), overwrite: random(2) === 0 }
    if (action === 'fs.delete') return { recursive: random(2) === 0 }
    return action === 'fs.mkdir' ? { parents: random(2) === 0 } : {}
  }
  return async () => {
    const [action, path] = [pick(actions), pick(paths)]
    const call: Call = {
      action,
      resource: path,
      params: paramsOf(action),
      mounts,
      protection,
      signal: new AbortController().signal,
      network: 'public',
      judge: () => ({ network: 'public' }),
      contents: noContents,
      report: () => undefined,
    }
    return { action, path, answer: (await provider.actions[action]?.perform(call)) as Answer }
  }
}

function count(tally: RaceTally, { action, path, answer }: Try): void {
  tally.tries++
  const text = JSON.stringify(answer)
  if (text.includes(canary) || text.includes(`"sizeBytes":${canaryBytes}`))
    tally.escapes.push(`${action} ${path}: ${text.slice(0, 200)}`)
  if ('refused' in answer) tally.refused++
  else if (!('effect' in answer)) tally.failed++
  else if (answer.effect === 'done') {
    tally.ok++
    tally.done[action] = (tally.done[action] ?? 0) + 1
  } else tally[answer.effect === 'none' ? 'failed' : 'uncertain']++
}
