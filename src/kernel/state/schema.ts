import { chmodSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'

/** Grows with every change of the tables. An index of an older version is remade, one of a newer version is left alone. */
export const schemaVersion = 4

/**
 * `keys`: which entry answered an idempotency key, and the digest of what was asked (empty where nobody can tell any more).
 * `resolves`: which entry settled an `unknown` one; `undos`: which entry undid one. `about`: whose index this is, how much of the log it reflects, and the seal over all rows.
 *
 * Rows lie in the order of the log, so that those behind a point of it are found without looking at the others.
 */
const tables: Readonly<Record<string, string>> = {
  about:
    'CREATE TABLE about (only INTEGER PRIMARY KEY CHECK (only = 1), origin TEXT NOT NULL, tree_size INTEGER NOT NULL, tag BLOB NOT NULL) STRICT',
  keys: 'CREATE TABLE keys (seq INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, request BLOB NOT NULL) STRICT',
  resolves: 'CREATE TABLE resolves (seq INTEGER PRIMARY KEY, of INTEGER NOT NULL UNIQUE) STRICT',
  undos: 'CREATE TABLE undos (seq INTEGER PRIMARY KEY, of INTEGER NOT NULL UNIQUE) STRICT',
}

/** SQLite makes these for what is `UNIQUE`: by them rows are found. */
const lookups: readonly unknown[] = [
  'sqlite_autoindex_keys_1',
  'sqlite_autoindex_resolves_1',
  'sqlite_autoindex_undos_1',
]

/** Tables that say which entry ended what another one left open: at most one for each. */
export const relations = ['resolves', 'undos'] as const
export type Relation = (typeof relations)[number]

export interface About {
  readonly origin: string
  readonly treeSize: number
  /** `IndexSeal.tag` */
  readonly tag: Uint8Array
}

/** A database file of ours, 0600, made when it is missing. */
export function openDatabase(file: string): DatabaseSync {
  const database = new DatabaseSync(file)
  try {
    chmodSync(file, 0o600)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

export function versionOf(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.['user_version'])
}

/** Empty tables for the log `origin`, in place of whatever an older version left. */
export function makeTables(database: DatabaseSync, origin: string, tag: Uint8Array): void {
  const names = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all()
  const drops = names.map(({ name }) => `DROP TABLE "${String(name).replaceAll('"', '""')}";`)
  const makes = Object.values(tables).join('; ')
  database.exec(`BEGIN; ${drops.join(' ')} ${makes}; PRAGMA user_version = ${schemaVersion}`)
  database.prepare('INSERT INTO about (only, origin, tree_size, tag) VALUES (1, ?, 0, ?)').run(origin, tag)
  database.exec('COMMIT')
}

/** What the index says of itself, or undefined when that is nothing that could be so. */
export function aboutOf(database: DatabaseSync): About | undefined {
  const row = database.prepare('SELECT origin, tree_size, tag FROM about').get()
  const treeSize = Number(row?.['tree_size'])
  if (row === undefined || !Number.isSafeInteger(treeSize) || treeSize < 0) return undefined
  return { origin: String(row['origin']), treeSize, tag: row['tag'] as Uint8Array }
}

/**
 * Whether the database has the tables above and nothing else, and all its rows are found by their keys. A seal over the rows
 * says nothing of a trigger that takes away what is noted, nor of the b-trees that lead to a row.
 */
export function isSoundDatabase(database: DatabaseSync): boolean {
  const found = database.prepare('SELECT type, name, sql FROM sqlite_schema').all()
  const own = found.every(({ type, name, sql }) =>
    type === 'table' ? sql === tables[String(name)] : type === 'index' && lookups.includes(name),
  )
  if (!own || found.length !== Object.keys(tables).length + lookups.length) return false
  return database.prepare('PRAGMA integrity_check(1)').get()?.['integrity_check'] === 'ok'
}
