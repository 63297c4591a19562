import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { syncFolder } from '../../base/own-folder.ts'
import { IndexSeal } from './index-seal.ts'
import { aboutOf, makeTables, openDatabase, relations, schemaVersion, versionOf } from './schema.ts'
import { SqliteState, unfinished, type State } from './state.ts'

/** What the index was that another one took the place of. */
export interface Former {
  readonly was: 'missing' | 'unreadable' | 'of another version' | 'of another log' | 'sound' | 'wrong'
  /** Rows that the log does not bear out. */
  readonly wrongRows: number
  /** Rows that it should have had by what it said of itself. */
  readonly missingRows: number
}

/** An index that is made beside the one in use, and takes its place at once. */
export interface Remake {
  readonly state: State
  /** Puts it in place: a crash leaves the old one, none, or this one, and a start is right with each. */
  install(): Former
  /** Leaves the old one as it is. */
  discard(): void
}

/** Nothing may have `file` open: whoever calls this holds the lock of the data directory. */
export function remakeState(file: string, origin: string, key: Uint8Array): Remake {
  const path = `${file}${unfinished}`
  rmSync(path, { force: true })
  const database = openDatabase(path)
  // It counts only once it is whole and has its name, so until then nothing has to survive.
  database.exec('PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;')
  const seal = new IndexSeal(key, origin)
  makeTables(database, origin, seal.tag(0))
  database.exec('BEGIN')
  return {
    state: new SqliteState(database, 0, { seal, inBulk: true }),
    install() {
      database.exec('COMMIT')
      const former = held(database, origin, file)
      database.close()
      syncFile(path)
      if (former.was === 'missing' || former.was === 'unreadable') removeWhole(file)
      renameSync(path, file)
      syncFolder(dirname(file))
      return former
    },
    discard() {
      database.close()
      rmSync(path, { force: true })
    },
  }
}

/** Holds the old index against the new one. Afterwards it is whole in one file: what lay beside it could be taken for the new one's. */
function held(database: DatabaseSync, origin: string, file: string): Former {
  const none = { wrongRows: 0, missingRows: 0 }
  if (!existsSync(file)) return { was: 'missing', ...none }
  try {
    const old = openDatabase(file)
    try {
      old.exec('PRAGMA journal_mode = DELETE')
      if (versionOf(old) === 0) return { was: 'unreadable', ...none }
      if (versionOf(old) !== schemaVersion) return { was: 'of another version', ...none }
      const about = aboutOf(old)
      if (about !== undefined && about.origin !== origin) return { was: 'of another log', ...none }
    } finally {
      old.close()
    }
    database.prepare('ATTACH ? AS old').run(file)
    const former = compared(database)
    database.exec('DETACH old')
    return former
  } catch {
    return { was: 'unreadable', ...none }
  }
}

function compared(database: DatabaseSync): Former {
  const count = (query: string): number =>
    Number(database.prepare(`SELECT count(*) AS rows FROM (${query})`).get()?.['rows'])
  let [wrongRows, missingRows] = [0, 0]
  for (const table of ['keys', ...relations]) {
    wrongRows += count(`SELECT * FROM old.${table} EXCEPT SELECT * FROM main.${table}`)
    const due = `SELECT * FROM main.${table} WHERE seq < (SELECT tree_size FROM old.about)`
    missingRows += count(`${due} EXCEPT SELECT * FROM old.${table}`)
  }
  return { was: wrongRows + missingRows === 0 ? 'sound' : 'wrong', wrongRows, missingRows }
}

function syncFile(path: string): void {
  const fd = openSync(path, 'r+')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** The database first: what is left beside one that is missing, SQLite throws away. */
function removeWhole(file: string): void {
  for (const part of ['', '-wal', '-shm', '-journal']) rmSync(`${file}${part}`, { force: true })
}
