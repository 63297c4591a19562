import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKernel, type Kernel } from '../../../src/kernel/kernel.ts'
import type { Outcome } from '../../../src/kernel/outcome.ts'
import { functions } from '../../../src/effects/providers/index.ts'
import { unsyncedFiles } from '../../model/unsynced-files.ts'
import { applyEdits, copyOf, somePrograms, type Folder } from '../edits.ts'
import { readFolder, writeFolder } from '../folder.ts'
import { demand, endingLater, refusal, type Target } from '../target.ts'

const keyed = { action: 'fn.act', resource: 'act', params: { amount: 5 }, idempotencyKey: 'k-1' }
const clock = { now: () => 1_700_000_000_000, monotonicMs: () => 0 }

interface Ground {
  readonly root: string
  readonly honest: Folder
  readonly keys: Folder
  readonly answer: Outcome
}

let ground: Promise<Ground> | undefined
let effects = 0

function start(root: string): Promise<Kernel> {
  const act = (): object => ({ effects: ++effects })
  const options = {
    policy: { version: 1, allow: [{ action: 'fn.act', resource: 'act' }] },
    providers: [functions({ act })],
    dataDir: join(root, 'data'),
    keysDir: join(root, 'keys'),
    clock,
  }
  return createKernel(options, { files: unsyncedFiles })
}

async function prepare(): Promise<Ground> {
  const root = mkdtempSync(join(tmpdir(), 'kestrel-fuzz-state-'))
  const kernel = await start(root)
  const answer = await kernel.submit(keyed)
  for (let n = 0; n < 40; n++) await kernel.submit({ ...keyed, params: { n }, idempotencyKey: `other-${n}` })
  await kernel.close()
  return { root, honest: readFolder(join(root, 'data')), keys: readFolder(join(root, 'keys')), answer }
}

const codes = ['STATE_INVALID', 'KERNEL_SEALED', 'LEDGER_UNWRITABLE', 'LEDGER_CORRUPT', 'LEDGER_ROLLED_BACK']

/** An index that somebody has changed: refused, or it does not make the kernel act twice for one key. */
export const stateTarget: Target = {
  name: 'state',
  words: ['SQLite format 3\0'],
  seeds: () => somePrograms(11, 20),
  async run(input) {
    ground ??= prepare()
    const { root, honest, keys, answer } = await ground
    const folder = copyOf(honest)
    const index: Folder = new Map([['state.db', folder.get('state.db') as Buffer]])
    applyEdits(input, index)
    folder.delete('state.db')
    for (const [name, bytes] of index) folder.set(name, bytes)
    writeFolder(join(root, 'data'), folder)
    writeFolder(join(root, 'keys'), keys)
    return endingLater(
      () => start(root),
      (kernel) => retry(kernel, answer),
      codes,
    )
  },
  async close() {
    if (ground !== undefined) rmSync((await ground).root, { recursive: true, force: true })
    ground = undefined
  },
}

async function retry(kernel: Kernel, answer: Outcome): Promise<string> {
  const before = effects
  let ended: string
  try {
    ended = await endingLater(
      () => kernel.submit(keyed),
      ({ status, seq, reason, error }) =>
        status === answer.status && seq === answer.seq ? 'the same answer' : `${status} ${reason?.code ?? error?.code}`,
      codes,
    )
  } finally {
    await kernel.close().catch((error: unknown) => refusal(error, codes))
  }
  demand(effects === before, 'one key, and a second effect')
  return `ok ${ended}`
}
