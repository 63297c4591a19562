import { copyFileSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { KernelError } from '../../base/errors.ts'
import { aboutOf, schemaVersion, versionOf, type About, type Relation } from './schema.ts'
import { invalidState, SqliteState, type NotedKey } from './state.ts'

/** An index as it lies there, for looking at it: nothing is written, made or repaired. */
export interface StateView extends About {
  /** Whether its pages hang together. Reads all of them. */
  isWhole(): boolean
  /** Rows of entries below `seq`. */
  countKeys(seq: number): number
  count(relation: Relation, seq: number): number
  findKey(key: string): NotedKey | undefined
  find(relation: Relation, of: number): number | undefined
  close(): void
}

/**
 * Opens an index for looking.
 *
 * @param inUse a kernel has it open now
 * @throws KernelError STATE_INVALID when it is no index that this version reads
 */
export function viewState(file: string, inUse: boolean): StateView {
  const copy = !inUse && hasOpenEnd(file) ? copied(file) : undefined
  let database: DatabaseSync | undefined
  try {
    database = copy === undefined ? openUnchanged(file, inUse) : new DatabaseSync(join(copy, 'state.db'))
    return viewOf(database, file, copy)
  } catch (cause) {
    database?.close()
    if (copy !== undefined) rmSync(copy, { recursive: true, force: true })
    if (cause instanceof KernelError) throw cause
    throw invalidState(file, 'is damaged', cause)
  }
}

/** Whether a process that died left notes beside the database. SQLite can read them only by writing there. */
function hasOpenEnd(file: string): boolean {
  return (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0
}

function copied(file: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'kestrel-state-'))
  for (const part of ['', '-wal']) {
    if (existsSync(`${file}${part}`)) copyFileSync(`${file}${part}`, join(folder, `state.db${part}`))
  }
  return folder
}

/** Beside a kernel as one more reader; else as a file that nobody changes, which needs no lock and leaves no trace. */
function openUnchanged(file: string, inUse: boolean): DatabaseSync {
  const url = new URL(`file:${encodeURI(file).replaceAll('?', '%3F').replaceAll('#', '%23')}`)
  if (inUse) url.searchParams.set('mode', 'ro')
  else url.searchParams.set('immutable', '1')
  return new DatabaseSync(url, { readOnly: true })
}

function viewOf(database: DatabaseSync, file: string, copy: string | undefined): StateView {
  if (versionOf(database) !== schemaVersion) throw invalidState(file, 'is of another version of Kestrel')
  const about = aboutOf(database)
  if (about === undefined) throw invalidState(file, 'does not say what it reflects')
  const rows = new SqliteState(database, about.treeSize)
  const counting = (table: string) => {
    const statement = database.prepare(`SELECT count(*) AS rows FROM ${table} WHERE seq < ?`)
    return (seq: number): number => Number(statement.get(seq)?.['rows'])
  }
  const counts = { resolves: counting('resolves'), undos: counting('undos') }
  return {
    ...about,
    isWhole: () => Object.values(database.prepare('PRAGMA quick_check(1)').get() ?? {})[0] === 'ok',
    countKeys: counting('keys'),
    count: (relation, seq) => counts[relation](seq),
    findKey: (key) => rows.findKey(key),
    find: (relation, of) => rows.find(relation, of),
    close() {
      database.close()
      if (copy !== undefined) rmSync(copy, { recursive: true, force: true })
    },
  }
}
