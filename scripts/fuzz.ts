/**
 * Looks for bytes that fool a reader, for as long as it may: `node scripts/fuzz.ts --target NAME|all --seconds S [--seed N]
 * [--save DIR]`. Guided by V8's block coverage. Each finding is printed as a JSON line with its bytes, and with `--save` written
 * as a file of `spec/vectors/hostile`; the end is a line for each target with the number of inputs.
 *
 * The readers run in a thread of their own, so that one that never ends is found too.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { createHash, randomInt } from 'node:crypto'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { blockCoverage } from '../test/fuzz/block-coverage.ts'

/** How long one input may take before it counts as one that never ends. */
const inputMs = 20_000
const slowMs = 2000
const sharedBytes = 1_048_576

interface Job {
  readonly target: string
  readonly seconds: number
  readonly seed: number
  /** Where the thread says what it reads: how many it has begun, the length of this one, its bytes. */
  readonly shared: SharedArrayBuffer
}

type Told =
  | { readonly finding: { readonly why: string; readonly input: Uint8Array } }
  | { readonly slow: { readonly ms: number; readonly input: Uint8Array } }
  | { readonly inputs: number; readonly corpus: number; readonly places: number }

if (isMainThread) await main()
else await work(workerData as Job)

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      target: { type: 'string', default: 'all' },
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string', default: String(randomInt(2 ** 31)) },
      save: { type: 'string' },
    },
  })
  const { targets } = await import('../test/fuzz/targets/index.ts')
  const names = targets.map(({ name }) => name).filter((name) => values.target === 'all' || values.target === name)
  if (names.length === 0) {
    console.error(`no target \`${values.target}\`; there are ${targets.map(({ name }) => name).join(', ')}`)
    process.exitCode = 2
    return
  }
  const seconds = Number(values.seconds) / names.length
  for (const target of names) await oversee(target, seconds, Number(values.seed), values.save)
}

/** Runs one target in a thread, and ends that when an input takes too long. */
async function oversee(target: string, seconds: number, seed: number, folder: string | undefined): Promise<void> {
  const shared = new SharedArrayBuffer(sharedBytes)
  const state = new Int32Array(shared, 0, 2)
  const job: Job = { target, seconds, seed, shared }
  const worker = new Worker(new URL(import.meta.url), { workerData: job })
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>()
  let begun = -1
  let since = performance.now()
  const watch = setInterval(() => {
    if (state[0] !== begun) {
      begun = state[0] as number
      since = performance.now()
    } else if (performance.now() - since > inputMs) {
      report(target, 'it never ends', Buffer.from(shared, 8, state[1]), folder)
      worker.terminate().then(() => resolve(), reject)
    }
  }, 500)
  worker.on('message', (told: Told) => {
    if ('finding' in told) report(target, told.finding.why, told.finding.input, folder)
    else if ('slow' in told) report(target, `it takes ${told.slow.ms} ms`, told.slow.input, undefined)
    else console.log(JSON.stringify({ target, seed, ...told }))
  })
  worker.on('error', reject)
  worker.on('exit', () => resolve())
  await ended.finally(() => clearInterval(watch))
}

function report(target: string, why: string, input: Uint8Array, folder: string | undefined): void {
  const base64 = Buffer.from(input).toString('base64')
  console.log(JSON.stringify({ target, why, input: base64 }))
  process.exitCode = 6
  if (folder === undefined) return
  const name = createHash('sha256').update(input).digest('hex').slice(0, 12)
  mkdirSync(join(folder, target), { recursive: true })
  const vector = { origin: "found by this project's fuzzing", says: why, base64 }
  writeFileSync(join(folder, target, `${name}.json`), `${JSON.stringify(vector, undefined, 2)}\n`)
}

async function work({ target: name, seconds, seed, shared }: Job): Promise<void> {
  const say = (told: Told): void => parentPort?.postMessage(told)
  // Before the sources are loaded: only what is compiled from now on is counted block by block.
  const coverage = blockCoverage()
  const { targets } = await import('../test/fuzz/targets/index.ts')
  const { fuzz } = await import('../test/fuzz/fuzz.ts')
  const { vectorsOf } = await import('../test/fuzz/vectors.ts')
  const target = targets.find((each) => each.name === name)
  if (target === undefined) throw new Error(`no target \`${name}\``)
  const state = new Int32Array(shared, 0, 2)
  const window = new Uint8Array(shared, 8)
  const end = performance.now() + seconds * 1000
  let last: { readonly input: Uint8Array; readonly at: number } | undefined
  const { inputs, corpus, reached } = await fuzz(target, {
    seed,
    coverage,
    known: vectorsOf(name).map(({ input }) => input),
    goOn: () => performance.now() < end,
    onInput(input) {
      const at = performance.now()
      if (last !== undefined && at - last.at > slowMs)
        say({ slow: { ms: Math.round(at - last.at), input: last.input } })
      last = { input, at }
      window.set(input.subarray(0, window.length))
      state[1] = Math.min(input.length, window.length)
      Atomics.add(state, 0, 1)
    },
    onFinding: ({ why, input }) => say({ finding: { why, input } }),
  })
  await target.close?.()
  say({ inputs, corpus, places: reached })
}
