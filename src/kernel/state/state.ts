import { chmodSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { KernelError } from '../../base/errors.ts'

/**
 * The index beside the log: what would take a scan to find again. All of it can be remade from ledger and vault, so losing it
 * loses nothing, and a damaged one is thrown away.
 */
export interface State {
  /** Entries of the log that this index reflects. */
  readonly treeSize: number
  /** The entry that answered an idempotency key, with the digest of its request. */
  findKey(key: string): { seq: number; request: string } | undefined
  noteKey(key: string, seq: number, request: string): void
  /** Says that the index reflects the log up to `treeSize`. */
  advance(treeSize: number): void
  close(): void
}

const schemaVersion = 1
const schema = `
  CREATE TABLE about (only INTEGER PRIMARY KEY CHECK (only = 1), origin TEXT NOT NULL, tree_size INTEGER NOT NULL) STRICT;
  CREATE TABLE keys (key TEXT PRIMARY KEY, seq INTEGER NOT NULL, request TEXT NOT NULL) STRICT, WITHOUT ROWID;
  PRAGMA user_version = ${schemaVersion};
`

/**
 * Opens the index of the log `origin`, which holds `treeSize` entries; makes it when it is missing.
 *
 * @throws KernelError STATE_INVALID when it is damaged or from another log
 */
export function openState(file: string, origin: string, treeSize: number): State {
  try {
    return new SqliteState(file, origin, treeSize)
  } catch (cause) {
    if (cause instanceof KernelError) throw cause
    throw invalid(file, 'is damaged', cause)
  }
}

function invalid(file: string, what: string, cause?: unknown): KernelError<'STATE_INVALID'> {
  return new KernelError(
    'STATE_INVALID',
    `\`${file}\` ${what}; it is only an index: remove it, and the next start remakes it`,
    { cause },
  )
}

class SqliteState implements State {
  readonly #database: DatabaseSync
  readonly #find: StatementSync
  readonly #note: StatementSync
  readonly #advance: StatementSync
  #treeSize: number

  constructor(file: string, origin: string, logSize: number) {
    this.#database = new DatabaseSync(file)
    chmodSync(file, 0o600)
    // An index that a crash sets back catches up from the log, so nothing here waits for the disk.
    this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;')
    if (this.#version() === 0) this.#create(origin)
    const about = this.#database.prepare('SELECT origin, tree_size FROM about').get()
    if (this.#version() !== schemaVersion || about === undefined) throw invalid(file, 'has another version')
    if (about['origin'] !== origin) throw invalid(file, 'belongs to another log')
    const treeSize = Number(about['tree_size'])
    if (!Number.isSafeInteger(treeSize) || treeSize < 0) throw invalid(file, 'counts what cannot be counted')
    this.#database.prepare('DELETE FROM keys WHERE seq >= ?').run(logSize)
    // One that is ahead, as after a power loss, says nothing certain of what it reflects: it starts again.
    this.#treeSize = treeSize <= logSize ? treeSize : 0
    this.#find = this.#database.prepare('SELECT seq, request FROM keys WHERE key = ?')
    this.#note = this.#database.prepare('INSERT OR REPLACE INTO keys (key, seq, request) VALUES (?, ?, ?)')
    this.#advance = this.#database.prepare('UPDATE about SET tree_size = ?')
  }

  get treeSize(): number {
    return this.#treeSize
  }

  findKey(key: string): { seq: number; request: string } | undefined {
    const row = this.#find.get(key)
    return row && { seq: Number(row['seq']), request: String(row['request']) }
  }

  noteKey(key: string, seq: number, request: string): void {
    this.#note.run(key, seq, request)
  }

  advance(treeSize: number): void {
    this.#advance.run(treeSize)
    this.#treeSize = treeSize
  }

  close(): void {
    this.#database.close()
  }

  #version(): number {
    return Number(this.#database.prepare('PRAGMA user_version').get()?.['user_version'])
  }

  #create(origin: string): void {
    this.#database.exec(`BEGIN; ${schema} COMMIT;`)
    this.#database.prepare('INSERT INTO about (only, origin, tree_size) VALUES (1, ?, 0)').run(origin)
  }
}
