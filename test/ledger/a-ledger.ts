import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../../src/base/clock.ts'
import { createKeys, loadKeys, type KeyRing } from '../../src/base/keys.ts'
import {
  logFiles,
  openLedger,
  type EntryDraft,
  type Ledger,
  type OpenLedgerOptions,
} from '../../src/evidence/ledger/index.ts'
import { verifyLog, type Verification } from '../../src/evidence/receipt/index.ts'

/** A data directory with its keys beside it, gone at the end of the test. */
export interface Place {
  readonly root: string
  readonly dataDir: string
  readonly directory: string
  readonly keys: KeyRing
  open(options?: Partial<OpenLedgerOptions>): Promise<Ledger>
  /** Copies the data directory, as a backup or a thief does. The keys stay. */
  copyTo(name: string, from?: string): string
  /** Paths of the WAL's segments, oldest first. */
  segments(): string[]
  verify(folder?: string): Promise<Verification>
  [Symbol.dispose](): void
}

export const clock: Clock = { now: () => Date.now(), monotonicMs: () => performance.now() }

export function aPlace(): Place {
  const root = mkdtempSync(join(tmpdir(), 'kestrel-ledger-'))
  const dataDir = join(root, 'data')
  const directory = join(dataDir, 'ledger')
  const keys = createKeys(join(root, 'keys'))
  return {
    root,
    dataDir,
    directory,
    keys,
    open: (options) => openLedger({ directory, keys, clock, ...options }),
    copyTo(name, from = dataDir) {
      const copy = join(root, name)
      cpSync(from, copy, { recursive: true, filter: (path) => !path.endsWith('lock.owner') })
      return copy
    },
    segments() {
      const wal = join(directory, 'wal')
      return readdirSync(wal)
        .sort()
        .map((name) => join(wal, name))
    },
    verify: (folder = directory) => verifyLog(logFiles(folder), { vkey: keys.vkey }),
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  }
}

export const policyDraft: EntryDraft = { kind: 'policy', agent: 'local', principal: 'local', digest: '0'.repeat(64) }

/** An ordinary read by `alice`; `name` makes it recognisable. */
export function aRead(name: string | number): EntryDraft {
  return {
    kind: 'action',
    agent: 'local',
    principal: 'alice',
    action: 'fs.read',
    resource: `/workspace/${name}`,
    policy: 1,
    decision: { effect: 'permit', reason: 'permitted' },
    outcome: { status: 'ok' },
  }
}

export async function readEntry(ledger: Ledger, seq: number): Promise<Record<string, unknown>> {
  return JSON.parse(Buffer.from(await ledger.read(seq)).toString('utf8')) as Record<string, unknown>
}

/** Changes one file's bytes in place. */
export function edit(path: string, change: (bytes: Buffer) => void): void {
  const bytes = readFileSync(path)
  change(bytes)
  writeFileSync(path, bytes)
}

export function reload(keys: KeyRing): KeyRing {
  return loadKeys(join(keys.directory, '..'), keys.origin)
}
