import { rmSync } from 'node:fs'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { KernelError } from '../../base/errors.ts'
import { IndexSeal, type SealedRow } from './index-seal.ts'
import {
  aboutOf,
  isSoundDatabase,
  makeTables,
  openDatabase,
  relations,
  schemaVersion,
  versionOf,
  type About,
  type Relation,
} from './schema.ts'

/** Which entry answered an idempotency key. */
export interface NotedKey {
  readonly seq: number
  /** Digest of the request, 64 hex; empty where nobody can tell any more what was asked. */
  readonly request: string
}

/** What takes notes of entries. */
export interface StateWriter {
  /** @param key 64 hex */
  findKey(key: string): NotedKey | undefined
  noteKey(key: string, seq: number, request: string): void
  /** Entry `seq` settles, or undid, entry `of`. */
  note(relation: Relation, of: number, seq: number): void
}

/**
 * The index beside the log: what would take a scan to find again. All of it can be remade from ledger and vault, so losing it
 * loses nothing. What it says is believed only as far as the entry that it names bears it out.
 */
export interface State extends StateWriter {
  /** Entries of the log that this index reflects. */
  readonly treeSize: number
  /** The entry that settled, or undid, entry `of`. */
  find(relation: Relation, of: number): number | undefined
  /** Says that the index reflects the log up to `treeSize`. */
  advance(treeSize: number): void
  /** Whatever `act` notes is kept as a whole or not at all. Nothing else may be noted meanwhile. */
  together(act: () => Promise<void>): Promise<void>
  close(): void
}

/** Under this name, beside the index, one is remade. */
export const unfinished = '.new'

/**
 * Opens the index of the log `origin`, which holds `treeSize` entries; makes it when it is missing or of an older version.
 *
 * @param key 32 bytes that do not lie in the data directory: with them it knows its own notes
 * @throws KernelError STATE_INVALID when it is damaged, changed by somebody else, of a newer version or from another log
 */
export function openState(file: string, origin: string, treeSize: number, key: Uint8Array): State {
  let database: DatabaseSync | undefined
  try {
    rmSync(`${file}${unfinished}`, { force: true })
    database = openDatabase(file)
    return stateIn(database, file, treeSize, origin, new IndexSeal(key, origin))
  } catch (cause) {
    database?.close()
    if (cause instanceof KernelError) throw cause
    throw invalidState(file, 'is damaged', cause)
  }
}

function stateIn(database: DatabaseSync, file: string, logSize: number, origin: string, seal: IndexSeal): State {
  // A power loss may set the index back, but never leaves a later note without an earlier one: the rest is caught up with.
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;')
  const version = versionOf(database)
  if (version < schemaVersion) makeTables(database, origin, seal.tag(0))
  if (version > schemaVersion) throw invalidState(file, 'is of a newer version of Kestrel')
  if (!isSoundDatabase(database)) throw invalidState(file, 'is damaged')
  const about = aboutOf(database)
  if (about === undefined) throw invalidState(file, 'does not say what it reflects')
  if (about.origin !== origin) throw invalidState(file, 'belongs to another log')
  // One that is ahead of its log says nothing certain, and notes of entries that were never durable name others now.
  const treeSize = about.treeSize <= logSize ? about.treeSize : 0
  const state = new SqliteState(database, treeSize, { seal })
  if (!state.isSealed(about)) throw invalidState(file, 'does not hold what Kestrel noted in it')
  state.forget(about.treeSize <= logSize ? logSize : 0)
  return state
}

export function invalidState(file: string, what: string, cause?: unknown): KernelError<'STATE_INVALID'> {
  const advice = 'it is only an index: `kestrel rebuild` remakes it, or remove it, and the next start does'
  return new KernelError('STATE_INVALID', `\`${file}\` ${what}; ${advice}`, { cause })
}

/** How an index is written. */
interface Sealing {
  readonly seal: IndexSeal
  /** Sealed at the next `advance`, not with each note: a transaction is open around all of it. */
  readonly inBulk?: boolean
}

/** An index in an open database that has the tables. */
export class SqliteState implements State {
  readonly #database: DatabaseSync
  readonly #findKey: StatementSync
  readonly #statements: Record<'replacedKeys' | 'noteKey' | 'say', StatementSync>
  readonly #relations: Record<Relation, Record<'find' | 'replaced' | 'note', StatementSync>>
  readonly #seal: IndexSeal | undefined
  #inBulk: boolean
  #treeSize: number

  /** @param sealing absent for looking only */
  constructor(database: DatabaseSync, treeSize: number, sealing?: Sealing) {
    this.#database = database
    this.#treeSize = treeSize
    this.#seal = sealing?.seal
    this.#inBulk = sealing?.inBulk === true
    this.#findKey = database.prepare('SELECT seq, request FROM keys WHERE key = ?')
    this.#statements = {
      replacedKeys: database.prepare('SELECT seq, key, request FROM keys WHERE seq = ? OR key = ?'),
      noteKey: database.prepare('INSERT OR REPLACE INTO keys (seq, key, request) VALUES (?, ?, ?)'),
      say: database.prepare('UPDATE about SET tree_size = ?, tag = ?'),
    }
    this.#relations = { resolves: relationIn(database, 'resolves'), undos: relationIn(database, 'undos') }
  }

  get treeSize(): number {
    return this.#treeSize
  }

  findKey(key: string): NotedKey | undefined {
    const row = this.#findKey.get(Buffer.from(key, 'hex'))
    return row && { seq: Number(row['seq']), request: hexOf(row['request']) }
  }

  noteKey(key: string, seq: number, request: string): void {
    const bytes = Buffer.from(key, 'hex')
    this.#note(() => {
      for (const row of this.#statements.replacedKeys.all(seq, bytes)) this.#seal?.remove(keyRow(row))
      this.#statements.noteKey.run(seq, bytes, Buffer.from(request, 'hex'))
      this.#seal?.add({ table: 'keys', seq, content: `${key} ${request}` })
    })
  }

  find(relation: Relation, of: number): number | undefined {
    const row = this.#relations[relation].find.get(of)
    return row && Number(row['seq'])
  }

  note(relation: Relation, of: number, seq: number): void {
    const { replaced, note } = this.#relations[relation]
    this.#note(() => {
      for (const row of replaced.all(seq, of)) this.#seal?.remove(relationRow(relation, row))
      note.run(seq, of)
      this.#seal?.add({ table: relation, seq, content: `${of}` })
    })
  }

  advance(treeSize: number): void {
    this.#statements.say.run(treeSize, this.#tag(treeSize))
    this.#treeSize = treeSize
  }

  /** Drops what was noted of entries from `seq` on. */
  forget(seq: number): void {
    this.#note(() => {
      let changes = 0n
      for (const table of ['keys', ...relations]) {
        changes += BigInt(this.#database.prepare(`DELETE FROM ${table} WHERE seq >= ?`).run(seq).changes)
      }
      if (changes > 0n) this.#countAll()
    })
  }

  /** Whether the rows are those that were sealed. Reads all of them. */
  isSealed({ treeSize, tag }: About): boolean {
    this.#countAll()
    return this.#tag(treeSize).equals(tag)
  }

  #countAll(): void {
    this.#seal?.restore(0n)
    for (const row of this.#database.prepare('SELECT seq, key, request FROM keys').iterate())
      this.#seal?.add(keyRow(row))
    for (const relation of relations) {
      const rows = this.#database.prepare(`SELECT seq, of FROM ${relation}`).iterate()
      for (const row of rows) this.#seal?.add(relationRow(relation, row))
    }
  }

  #tag(treeSize: number): Buffer {
    return this.#seal?.tag(treeSize) ?? Buffer.alloc(0)
  }

  /** Rows and seal change together or not at all. */
  #note(act: () => void): void {
    if (this.#inBulk) return act()
    const sum = this.#seal?.sum ?? 0n
    this.#database.exec('BEGIN')
    try {
      act()
      this.#statements.say.run(this.#treeSize, this.#tag(this.#treeSize))
      this.#database.exec('COMMIT')
    } catch (error) {
      this.#seal?.restore(sum)
      this.#database.exec('ROLLBACK')
      throw error
    }
  }

  async together(act: () => Promise<void>): Promise<void> {
    const { treeSize } = this
    const sum = this.#seal?.sum ?? 0n
    this.#database.exec('BEGIN')
    this.#inBulk = true
    try {
      await act()
      this.advance(this.#treeSize)
      this.#database.exec('COMMIT')
    } catch (error) {
      this.#treeSize = treeSize
      this.#seal?.restore(sum)
      this.#database.exec('ROLLBACK')
      throw error
    } finally {
      this.#inBulk = false
    }
  }

  close(): void {
    this.#database.close()
  }
}

type Row = Record<string, unknown>

function keyRow(row: Row): SealedRow {
  return { table: 'keys', seq: Number(row['seq']), content: `${hexOf(row['key'])} ${hexOf(row['request'])}` }
}

function relationRow(table: Relation, row: Row): SealedRow {
  return { table, seq: Number(row['seq']), content: `${Number(row['of'])}` }
}

function relationIn(database: DatabaseSync, table: Relation): Record<'find' | 'replaced' | 'note', StatementSync> {
  return {
    find: database.prepare(`SELECT seq FROM ${table} WHERE of = ?`),
    replaced: database.prepare(`SELECT seq, of FROM ${table} WHERE seq = ? OR of = ?`),
    note: database.prepare(`INSERT OR REPLACE INTO ${table} (seq, of) VALUES (?, ?)`),
  }
}

function hexOf(value: unknown): string {
  return Buffer.from(value as Uint8Array).toString('hex')
}
