import { DatabaseSync } from 'node:sqlite'

/** One row: a key of a store. */
export interface Place {
  readonly store: string
  readonly key: string
}

/** The place that a resource `store/key` names. */
export function placeOf(resource: string): Place {
  const slash = resource.indexOf('/')
  return { store: resource.slice(0, Math.max(0, slash)), key: resource.slice(slash + 1) }
}

/** The table behind the provider. What it says is on the disk when it has answered. */
export class Table {
  readonly #database: DatabaseSync

  /** @param file made when it is missing; `-wal` and `-shm` stand beside it */
  constructor(file: string) {
    this.#database = new DatabaseSync(file)
    this.#database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA busy_timeout = 2000;
      CREATE TABLE IF NOT EXISTS pairs (
        store TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (store, key)
      ) STRICT, WITHOUT ROWID;
    `)
  }

  get({ store, key }: Place): string | null {
    const row = this.#database.prepare('SELECT value FROM pairs WHERE store = ? AND key = ?').get(store, key)
    return row === undefined ? null : String(row['value'])
  }

  keys(store: string, after: string, limit: number): string[] {
    const sql = 'SELECT key FROM pairs WHERE store = ? AND key > ? ORDER BY key LIMIT ?'
    return this.#database
      .prepare(sql)
      .all(store, after, limit)
      .map(({ key }) => String(key))
  }

  /**
   * Makes the value of a place `next`, unless it is no longer `expected`.
   *
   * @returns what was there, and whether it was changed. @throws UncertainCommit, or the database's error where nothing happened
   */
  swap({ store, key }: Place, next: string | null, expected?: string | null): { was: string | null; changed: boolean } {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      const was = this.get({ store, key })
      if (expected !== undefined && was !== expected) {
        this.#database.exec('ROLLBACK')
        return { was, changed: false }
      }
      if (next === null) this.#database.prepare('DELETE FROM pairs WHERE store = ? AND key = ?').run(store, key)
      else this.#database.prepare('INSERT OR REPLACE INTO pairs VALUES (?, ?, ?)').run(store, key, next)
      this.#commit()
      return { was, changed: true }
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }

  close(): void {
    this.#database.close()
  }

  #commit(): void {
    try {
      this.#database.exec('COMMIT')
    } catch (cause) {
      // Still inside: it was refused, and is rolled back. Else nobody can tell what the disk has kept.
      throw this.#database.isTransaction ? cause : new UncertainCommit('the commit did not end well', { cause })
    }
  }
}

/** Whether the change is on the disk, nobody knows. */
export class UncertainCommit extends Error {}
