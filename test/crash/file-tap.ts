import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { dirname, resolve } from 'node:path'

/** One change that this process asks the file system to make below the watched folder. Paths are absolute. */
export type Change =
  | {
      readonly is: 'open'
      readonly path: string
      readonly file: OpenFile
      readonly creates: boolean
      readonly empties: boolean
    }
  | { readonly is: 'write'; readonly file: OpenFile; readonly at: number; readonly bytes: Buffer }
  | { readonly is: 'resize'; readonly file: OpenFile; readonly sizeBytes: number }
  | { readonly is: 'sync'; readonly file: OpenFile }
  | { readonly is: 'syncFolder'; readonly path: string }
  | { readonly is: 'rename'; readonly path: string; readonly to: string }
  | { readonly is: 'remove' | 'makeFolder' | 'removeFolder'; readonly path: string }

/** One opening of a file: the same object in every change through it. */
export interface OpenFile {
  /** Where it was opened. */
  readonly path: string
  readonly isFolder: boolean
}

/** Sees every change before and after the system makes it. */
export interface Watcher {
  /**
   * What it throws, the caller gets in the place of the change.
   *
   * @param partly makes the first half of a write, and nothing of any other change
   */
  before(change: Change, partly: () => void): void
  after(change: Change): void
}

interface Handle extends OpenFile {
  readonly fd: number
  cursor: number
}

type Call = (...inputs: unknown[]) => unknown
type Reading = (inputs: readonly unknown[]) => readonly Change[]

const { O_CREAT, O_TRUNC, O_DIRECTORY, O_WRONLY, O_RDWR, O_APPEND } = fs.constants
const real = { ...fs } as unknown as Readonly<Record<string, Call>>
const handles: Map<number, Handle> = new Map()
const watched: { root: string; watcher: Watcher | undefined } = { root: '', watcher: undefined }

/**
 * Shows `watcher` all that this process changes below `root`, through whichever function of `node:fs`, until it is disposed.
 * A change by a function that is not understood throws, so that none goes unseen. SQLite's own files are not seen.
 */
export function tapFiles(root: string, watcher: Watcher): Disposable {
  if (watched.watcher !== undefined) throw new Error('another tap is open')
  handles.clear()
  Object.assign(watched, { root: resolve(root), watcher })
  return { [Symbol.dispose]: () => void Object.assign(watched, { watcher: undefined }) }
}

function isWatched(path: unknown): path is string {
  if (watched.watcher === undefined || typeof path !== 'string') return false
  const whole = placeOf(path)
  return whole === watched.root || whole.startsWith(`${watched.root}/`)
}

/** The absolute path, also of one that goes through an open folder (`/proc/self/fd/7/name`). */
function placeOf(path: string): string {
  const [, fd, rest = ''] = /^\/proc\/self\/fd\/(\d+)(\/.*)?$/.exec(path) ?? []
  return fd === undefined ? resolve(path) : resolve(`${fs.readlinkSync(`/proc/self/fd/${fd}`)}${rest}`)
}

function handleOf(fd: unknown): Handle | undefined {
  return watched.watcher === undefined ? undefined : handles.get(fd as number)
}

function bufferOf(data: unknown): Buffer {
  if (typeof data === 'string') return Buffer.from(data)
  const { buffer, byteOffset, byteLength } = data as Uint8Array
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength)
}

function writeAt(handle: Handle, bytes: Buffer, position: unknown): readonly Change[] {
  const at = typeof position === 'number' ? position : handle.cursor
  if (typeof position !== 'number') handle.cursor += bytes.length
  return [{ is: 'write', file: handle, at, bytes: Buffer.from(bytes) }]
}

const nothing: readonly Change[] = []

const readings: Readonly<Record<string, Reading>> = {
  write([fd, data, offset = 0, length, position]) {
    const handle = handleOf(fd)
    if (handle === undefined) return nothing
    const whole = bufferOf(data)
    const start = typeof offset === 'number' ? offset : 0
    const end = typeof length === 'number' ? start + length : whole.length
    return writeAt(handle, whole.subarray(start, end), position)
  },
  writev([fd, parts, position]) {
    const handle = handleOf(fd)
    return handle === undefined ? nothing : writeAt(handle, Buffer.concat((parts as Buffer[]).map(bufferOf)), position)
  },
  fsync: ([fd]) => syncOf(handleOf(fd)),
  fdatasync: ([fd]) => syncOf(handleOf(fd)),
  ftruncate([fd, sizeBytes = 0]) {
    const handle = handleOf(fd)
    return handle === undefined ? nothing : [{ is: 'resize', file: handle, sizeBytes: Number(sizeBytes) }]
  },
  rename([from, to]) {
    if (!isWatched(from) && !isWatched(to)) return nothing
    return [{ is: 'rename', path: placeOf(String(from)), to: placeOf(String(to)) }]
  },
  unlink: ([path]) => removalOf(path),
  rm: ([path]) => removalOf(path),
  rmdir([path]) {
    const isEmpty = isWatched(path) && fs.existsSync(path) && fs.readdirSync(path).length === 0
    return isEmpty ? [{ is: 'removeFolder', path: placeOf(path) }] : nothing
  },
  mkdir([path]) {
    if (!isWatched(path)) return nothing
    const missing: Change[] = []
    for (let at = placeOf(path); isWatched(at) && !fs.existsSync(at); at = dirname(at)) {
      missing.unshift({ is: 'makeFolder', path: at })
    }
    return missing
  },
  ...Object.fromEntries(
    ['truncate', 'copyFile', 'cp', 'link', 'symlink', 'appendFile'].map((name) => [name, refuse(name)]),
  ),
}

function refuse(name: string): Reading {
  return (inputs) => {
    if (!inputs.slice(0, 2).some(isWatched)) return nothing
    throw new Error(`the tap does not understand \`${name}\`; teach it in test/crash/file-tap.ts`)
  }
}

function syncOf(handle: Handle | undefined): readonly Change[] {
  if (handle === undefined) return nothing
  return [handle.isFolder ? { is: 'syncFolder', path: handle.path } : { is: 'sync', file: handle }]
}

function removalOf(path: unknown): readonly Change[] {
  if (!isWatched(path) || !fs.existsSync(path)) return nothing
  if (fs.statSync(path).isDirectory()) throw new Error('the tap does not understand the removal of a whole tree')
  return [{ is: 'remove', path: placeOf(path) }]
}

function before(changes: readonly Change[]): void {
  for (const change of changes) unwatched((watcher) => watcher.before(change, () => makeHalf(change)))
}

function after(changes: readonly Change[]): void {
  for (const change of changes) unwatched((watcher) => watcher.after(change))
}

/** What a watcher does to files is nobody's change. */
function unwatched(act: (watcher: Watcher) => void): void {
  const { watcher } = watched
  if (watcher === undefined) return
  watched.watcher = undefined
  try {
    act(watcher)
  } finally {
    watched.watcher = watcher
  }
}

function makeHalf(change: Change): void {
  if (change.is !== 'write') return
  const half = Math.floor(change.bytes.length / 2)
  if (half > 0) real['writeSync']?.((change.file as Handle).fd, change.bytes, 0, half, change.at)
}

/** What an opening changes, and how to follow the file once it is open. */
function readOpen([path, flags]: readonly unknown[]): { changes: readonly Change[]; opened(fd: number): void } {
  if (!isWatched(path)) return { changes: nothing, opened: (fd) => void handles.delete(fd) }
  const bits = typeof flags === 'number' ? flags : flagBits(typeof flags === 'string' ? flags : 'r')
  const isThere = fs.existsSync(path)
  const isFolder = (bits & O_DIRECTORY) !== 0 || (isThere && fs.statSync(path).isDirectory())
  const cursor = isThere && (bits & O_APPEND) !== 0 ? fs.statSync(path).size : 0
  const handle = { path: placeOf(path), isFolder, fd: -1, cursor }
  const creates = !isThere && (bits & O_CREAT) !== 0
  const empties = isThere && (bits & O_TRUNC) !== 0
  const isSeen = creates || (isThere && (bits & (O_WRONLY | O_RDWR)) !== 0)
  return {
    changes: isSeen && !isFolder ? [{ is: 'open', path: handle.path, file: handle, creates, empties }] : nothing,
    opened: (fd) => void handles.set(fd, Object.assign(handle, { fd })),
  }
}

function flagBits(flags: string): number {
  if (flags === 'r') return 0
  const empties = flags.startsWith('w') && !flags.includes('x')
  return O_RDWR | (/[wa]/.test(flags) ? O_CREAT : 0) | (empties ? O_TRUNC : 0) | (flags.startsWith('a') ? O_APPEND : 0)
}

function tapSync(name: string, reading: Reading): Call {
  return (...inputs) => {
    const changes = reading(inputs)
    before(changes)
    const result = real[`${name}Sync`]?.(...inputs)
    after(changes)
    return result
  }
}

function tapCallback(name: string, reading: Reading): Call {
  return (...inputs) => {
    const told = inputs.at(-1) as Call
    const changes = reading(inputs.slice(0, -1))
    try {
      before(changes)
    } catch (error) {
      process.nextTick(told, error)
      return
    }
    real[name]?.(...inputs.slice(0, -1), (error: unknown, ...more: unknown[]) => {
      if (error === null) after(changes)
      told(error, ...more)
    })
  }
}

function tapLater(act: Call, reading: Reading): Call {
  return async (...inputs) => {
    const changes = reading(inputs)
    before(changes)
    const result = await act(...inputs)
    after(changes)
    return result
  }
}

function tapHandle(handle: fs.promises.FileHandle): fs.promises.FileHandle {
  const methods = handle as unknown as Record<string, Call>
  const tapped = (name: string, reading: Reading): void => {
    methods[name] = tapLater((methods[name] as Call).bind(handle), reading)
  }
  const write = readings['write'] as Reading
  for (const name of ['writeFile', 'appendFile']) tapped(name, ([data]) => write([handle.fd, data]))
  tapped('write', (inputs) => write([handle.fd, ...inputs]))
  tapped('writev', (inputs) => (readings['writev'] as Reading)([handle.fd, ...inputs]))
  tapped('truncate', (inputs) => (readings['ftruncate'] as Reading)([handle.fd, ...inputs]))
  for (const name of ['sync', 'datasync']) tapped(name, () => syncOf(handleOf(handle.fd)))
  return handle
}

function install(): void {
  const all = fs as unknown as Record<string, Call>
  const later = fs.promises as unknown as Record<string, Call>
  const openLater = later['open'] as Call
  for (const [name, reading] of Object.entries(readings)) {
    if (all[`${name}Sync`] !== undefined) all[`${name}Sync`] = tapSync(name, reading)
    if (all[name] !== undefined) all[name] = tapCallback(name, reading)
    if (later[name] !== undefined) later[name] = tapLater(later[name], reading)
  }
  all['openSync'] = (...inputs) => {
    const { changes, opened } = readOpen(inputs)
    before(changes)
    const fd = real['openSync']?.(...inputs) as number
    opened(fd)
    after(changes)
    return fd
  }
  later['open'] = async (...inputs) => {
    const { changes, opened } = readOpen(inputs)
    before(changes)
    const handle = (await openLater(...inputs)) as fs.promises.FileHandle
    opened(handle.fd)
    after(changes)
    return changes.length > 0 || handles.has(handle.fd) ? tapHandle(handle) : handle
  }
  all['writeFileSync'] = (path, data, options) => {
    if (!isWatched(path)) {
      real['writeFileSync']?.(path, data, options)
      return
    }
    const { mode, flush } = (options ?? {}) as { mode?: number; flush?: boolean }
    const fd = fs.openSync(path, 'w', mode)
    fs.writeSync(fd, bufferOf(data))
    if (flush === true) fs.fsyncSync(fd)
    fs.closeSync(fd)
  }
  all['open'] = (...inputs) => {
    const told = inputs.at(-1) as Call
    const { changes, opened } = readOpen(inputs.slice(0, -1))
    const act = tapCallback('open', () => changes)
    return act(...inputs.slice(0, -1), (error: unknown, fd: number) => {
      if (error === null) opened(fd)
      told(error, fd)
    })
  }
  all['writeFile'] = tapCallback('writeFile', refuse('writeFile'))
  later['writeFile'] = tapLater(later['writeFile'] as Call, refuse('promises.writeFile'))
  syncBuiltinESMExports()
}

install()
