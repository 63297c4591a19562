import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKernel, type Kernel, type KernelOptions } from 'kestrel-kernel'
import { filesystem } from 'kestrel-kernel/providers'
import { systemClock } from '../../src/base/clock.ts'
import { createKeys } from '../../src/base/keys.ts'
import { nodePrimitives } from '../../src/base/hash.ts'
import { logFiles, openLedger } from '../../src/evidence/ledger/index.ts'
import { verifyLog, type Problem } from '../../src/evidence/receipt/index.ts'

/** A data directory that no kernel runs over: whoever can write files may do with it what they like. Its keys lie beside it. */
export interface DataDirectory extends Disposable {
  readonly root: string
  /** The data directory. */
  readonly data: string
  /** The folder that is published. */
  readonly ledger: string
  readonly wal: string
  readonly state: string
  readonly vault: string
  /** What everybody knows of the log. */
  readonly vkey: string
  /** The checkpoint as somebody kept it before anything was done. */
  readonly kept: Uint8Array
  start(): Promise<Kernel>
  /** What `kestrel verify` finds who has only the key; with `since`, the kept checkpoint too. */
  problems(options?: { readonly since?: Uint8Array }): Promise<readonly Problem[]>
  /** All of it with its keys, as the same machine would have it. */
  copy(): DataDirectory
  /** The folder that is published, and nothing else: what a visitor may take away. */
  publishedCopy(): Published
}

export interface Published extends Disposable {
  readonly ledger: string
  problems: DataDirectory['problems']
}

const mounted = (root: string, keysDir: string = join(root, 'keys')): KernelOptions => ({
  policy: {
    version: 1,
    mounts: { '/workspace': join(root, 'workspace') },
    allow: [{ action: 'fs.*', resource: '/workspace/**' }],
    deny: [{ action: 'fs.read', resource: '/workspace/denied/**' }],
  },
  dataDir: join(root, 'data'),
  keysDir,
  providers: [filesystem()],
})

/** One with a log of `size` entries, closed as it should be. A log of one entry is one that a crash cut before its policy. */
export async function aDataDirectory(size: number): Promise<DataDirectory> {
  const root = mkdtempSync(join(tmpdir(), 'kestrel-at-rest-'))
  mkdirSync(join(root, 'workspace', 'denied'), { recursive: true })
  if (size === 1) {
    const keys = createKeys(join(root, 'keys'))
    const ledger = await openLedger({ directory: join(root, 'data', 'ledger'), keys, clock: systemClock })
    await ledger.close()
  } else {
    const kernel = await createKernel(mounted(root))
    await fill(kernel, 2, size)
    await kernel.close()
  }
  return at(root)
}

/** Another one, whose keys lie in the same folder as those of `neighbour`: the default for all of a user's. */
export async function aDataDirectoryBeside(neighbour: DataDirectory, size: number): Promise<DataDirectory> {
  const root = mkdtempSync(join(tmpdir(), 'kestrel-at-rest-'))
  mkdirSync(join(root, 'workspace', 'denied'), { recursive: true })
  const kernel = await createKernel(mounted(root, join(neighbour.root, 'keys')))
  await fill(kernel, 2, size)
  await kernel.close()
  return at(root)
}

/** Denials until the log has `to` entries. A head may come in between. */
export async function fill(kernel: Kernel, from: number, to: number): Promise<void> {
  const deny = (at: number): ReturnType<Kernel['submit']> =>
    kernel.submit({ action: 'fs.read', resource: `/workspace/denied/${at}` })
  for (let size = from; size < to;) {
    const wanted = Math.max(1, to - size - 8)
    const outcomes = await Promise.all(Array.from({ length: wanted }, (_, at) => deny(size + at)))
    size = Math.max(...outcomes.map(({ seq }) => seq ?? 0)) + 1
  }
}

function at(root: string): DataDirectory {
  const data = join(root, 'data')
  const ledger = join(data, 'ledger')
  const vkey = readFileSync(join(ledger, 'vkey'), 'utf8').trim()
  return {
    root,
    data,
    ledger,
    wal: join(ledger, 'wal'),
    state: join(data, 'state.db'),
    vault: join(data, 'vault'),
    vkey,
    kept: readFileSync(join(ledger, 'checkpoint')),
    start: () => createKernel(mounted(root)),
    problems: problemsOf(ledger, vkey),
    publishedCopy() {
      const folder = mkdtempSync(join(tmpdir(), 'kestrel-at-rest-'))
      cpSync(ledger, folder, { recursive: true, filter: (path) => !path.endsWith('/wal') })
      return {
        ledger: folder,
        problems: problemsOf(folder, vkey),
        [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
      }
    },
    copy() {
      const other = mkdtempSync(join(tmpdir(), 'kestrel-at-rest-'))
      cpSync(root, other, { recursive: true })
      // folders arrive with the usual mode
      for (const name of ['', ...readdirSync(join(other, 'keys'))]) chmodSync(join(other, 'keys', name), 0o700)
      return at(other)
    },
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  }
}

function problemsOf(ledger: string, vkey: string): DataDirectory['problems'] {
  return async ({ since } = {}) => {
    const options = { vkey, primitives: nodePrimitives, ...(since && { since }) }
    return (await verifyLog(logFiles(ledger), options)).problems
  }
}
