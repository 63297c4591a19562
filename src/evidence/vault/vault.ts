import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { KernelError, systemCode } from '../../base/errors.ts'
import { commitmentOf } from '../../base/hash.ts'
import { limits } from '../../base/limits.ts'
import { makeOwnFolder, syncFolder } from '../../base/own-folder.ts'
import type { RandomBytes } from '../../base/random.ts'
import { seal, sealOverheadBytes, unseal } from '../../base/seal.ts'
import { nodeFiles, type FileLayer } from '../ledger/file-layer.ts'
import { DayFileWalk, type Found } from './day-file.ts'
import { makeDayKey, readDayKey } from './day-key.ts'
import {
  encodeHead,
  encodePayloads,
  payloadAt,
  recordItems,
  recordTargetBytes,
  sealedMaxBytes,
  type Payload,
} from './record.ts'
import { daysBefore, removeDay } from './days.ts'
import { shelfOf, type Shelf } from './shelf.ts'
import { assertVaultKey } from './vault-key.ts'

export type { Payload } from './record.ts'

/** Where an entry says that a payload is kept. */
export interface PayloadPlace {
  /** The entry's class. */
  readonly class: string
  /** The entry's time, ms since 1970 UTC. */
  readonly timeMs: number
}

export interface OpenVaultOptions {
  /** `<data directory>/vault`; made when it does not exist. One writer at a time: whoever holds the ledger's lock. */
  readonly directory: string
  /** 32 bytes, from the key ring. */
  readonly key: Uint8Array
  readonly clock: Clock
  readonly random: RandomBytes
  /** The file system under the day files; another one in tests of failing disks. */
  readonly files?: FileLayer
}

/**
 * Payloads that entries commit to, sealed under a key for each class and day.
 *
 * The order that makes a commitment worth something: `put`, then append the entry; the log writes and syncs the vault with
 * itself, as its companion. Who appends nothing calls `write` or `sync`.
 */
export interface Vault {
  /** Whether something that was put is not on stable storage yet. */
  readonly hasUnwritten: boolean
  /** Keeps payloads in memory until `write`, and returns their commitments, 64 hex each. @throws KernelError VAULT_UNWRITABLE, VALUE_INVALID for a salt or payload out of bounds */
  put(sensitivity: string, ...payloads: readonly Payload[]): string[]
  /** Writes all that was put, each class as one record: it survives the end of the process. @throws KernelError VAULT_UNWRITABLE */
  write(): void
  /** Resolves when all that was put is on stable storage. @throws KernelError VAULT_UNWRITABLE */
  sync(): Promise<void>
  /**
   * The payload whose commitment is `commitment` (64 hex), checked against it.
   *
   * @throws KernelError VAULT_NOT_FOUND when it is not there or its key was destroyed, SEAL_INVALID when it is damaged
   */
  get(commitment: string, place: PayloadPlace): Promise<Payload>
  /** Destroys what was kept on days that ended before `timeMs`: first the key of a day, then what it opens. */
  expire(timeMs: number): void
  /** Syncs, and closes the files. */
  close(): Promise<void>
}

const dayMs = 86_400_000
/** Files kept open for writing: today's of each class, and yesterday's at midnight. */
const openFiles = 64
const saltMaxBytes = 255
/** Of a file that is just opened: a process that keeps little makes little room. */
const firstRoomBytes = 16_384

/** @throws KernelError VAULT_UNWRITABLE when the folder cannot be made, KEY_INVALID when the key is not that of the vault */
export function openVault(options: OpenVaultOptions): Vault {
  assertVaultKey(resolve(options.directory), options.key)
  return new OpenVault(options)
}

interface OpenShelf extends Shelf {
  readonly fd: number
  readonly key: Uint8Array
  end: number
  /** Up to here the file has blocks: zeros behind the end. */
  room: number
  step: number
  isSynced: boolean
}

interface Waiting {
  readonly shelf: Shelf
  readonly payloads: Committed[]
}

/** A payload with its commitment, 64 hex. */
interface Committed extends Payload {
  readonly commitment: string
}

class OpenVault implements Vault {
  readonly #directory: string
  readonly #options: OpenVaultOptions
  readonly #files: FileLayer
  readonly #waiting: Map<string, Waiting> = new Map()
  readonly #open: Map<string, OpenShelf> = new Map()
  /** Where the last payload was found, by file: entries are mostly read in the order in which they were written. */
  readonly #lastFound: Map<string, number> = new Map()
  /** Records in which what was kept lately lies, by commitment, the oldest first. */
  readonly #recent: Map<string, number> = new Map()
  #syncing: Promise<void> | undefined
  #failure: KernelError | undefined

  constructor(options: OpenVaultOptions) {
    this.#directory = resolve(options.directory)
    this.#options = options
    this.#files = options.files ?? nodeFiles
    this.#guard(`\`${this.#directory}\` cannot be made`, () => makeOwnFolder(this.#directory))
  }

  get hasUnwritten(): boolean {
    return this.#waiting.size > 0 || this.#unsynced().length > 0
  }

  put(sensitivity: string, ...payloads: readonly Payload[]): string[] {
    if (this.#failure !== undefined) throw this.#failure
    for (const { salt, bytes } of payloads) {
      if (salt.length === 0 || salt.length > saltMaxBytes || bytes.length + recordTargetBytes > sealedMaxBytes) {
        throw new KernelError('VALUE_INVALID', 'a payload needs a salt of 1 to 255 bytes, and fits in memory')
      }
    }
    const shelf = shelfOf(this.#directory, sensitivity, this.#options.clock.now())
    const waiting = this.#waiting.get(shelf.path)
    const committed = payloads.map((payload) => ({ ...payload, commitment: commitmentOf(payload) }))
    if (waiting === undefined) this.#waiting.set(shelf.path, { shelf, payloads: committed })
    else waiting.payloads.push(...committed)
    return committed.map(({ commitment }) => commitment)
  }

  write(): void {
    if (this.#waiting.size === 0) return
    if (this.#failure !== undefined) throw this.#failure
    for (const [path, { shelf, payloads }] of this.#waiting) {
      this.#waiting.delete(path)
      this.#guard(`\`${path}\` cannot be written`, () => {
        const open = this.#openShelf(shelf)
        for (const batch of batches(payloads)) this.#append(open, batch)
      })
    }
  }

  #append(shelf: OpenShelf, payloads: readonly Committed[]): void {
    const plain = encodePayloads(payloads)
    const head = encodeHead(
      payloads.map(({ commitment }) => commitment),
      plain.length + sealOverheadBytes,
    )
    const sealed = seal(shelf.key, recordContext(shelf, shelf.end), plain, this.#options.random)
    const record = Buffer.concat([head, sealed])
    shelf.isSynced = false
    this.#makeRoom(shelf, record.length)
    this.#files.write(shelf.fd, record, shelf.end)
    for (const { commitment } of payloads) this.#recent.set(commitment, shelf.end)
    this.#forgetOldest()
    shelf.end += record.length
  }

  /** A file that does not grow is synced without the file system's journal, which is most of what a sync costs. */
  #makeRoom(shelf: OpenShelf, recordBytes: number): void {
    while (shelf.end + recordBytes > shelf.room) {
      const zeros = Buffer.alloc(shelf.step)
      this.#files.write(shelf.fd, zeros, shelf.room)
      shelf.room += zeros.length
      shelf.step = Math.min(2 * shelf.step, limits.vaultRoomBytes)
    }
  }

  #forgetOldest(): void {
    for (const commitment of this.#recent.keys()) {
      if (this.#recent.size <= limits.recentPayloads) return
      this.#recent.delete(commitment)
    }
  }

  #openShelf(shelf: Shelf): OpenShelf {
    const known = this.#open.get(shelf.path)
    if (known !== undefined) return known
    makeOwnFolder(dirname(shelf.path))
    const { key: vaultKey, random } = this.#options
    const keyPath = `${shelf.path}.key`
    const key = readDayKey(keyPath, vaultKey, shelf.context) ?? makeDayKey(keyPath, vaultKey, shelf.context, random)
    const fd = this.#files.open(shelf.path, true)
    const end = new DayFileWalk(fd, fstatSync(fd).size).end()
    syncFolder(dirname(shelf.path))
    const open: OpenShelf = { ...shelf, fd, key, end, room: end, step: firstRoomBytes, isSynced: true }
    this.#open.set(shelf.path, open)
    return open
  }

  async sync(): Promise<void> {
    while (this.#syncing !== undefined) await this.#syncing
    if (this.#failure !== undefined) throw this.#failure
    if (!this.hasUnwritten) return
    this.#syncing = this.#syncAll().finally(() => {
      this.#syncing = undefined
    })
    await this.#syncing
  }

  async #syncAll(): Promise<void> {
    this.write()
    const shelves = this.#unsynced()
    const ends = shelves.map((shelf) => shelf.end)
    try {
      await Promise.all(shelves.map(({ fd }) => this.#files.sync(fd)))
    } catch (cause) {
      throw this.#fail('a sync of the vault failed', cause)
    }
    for (const [index, shelf] of shelves.entries()) shelf.isSynced = shelf.end === ends[index]
    this.#closeIdle()
  }

  #unsynced(): OpenShelf[] {
    return [...this.#open.values()].filter(({ isSynced }) => !isSynced)
  }

  #closeIdle(): void {
    for (const [path, shelf] of this.#open) {
      if (this.#open.size <= openFiles) return
      if (!shelf.isSynced) continue
      this.#open.delete(path)
      this.#shut(shelf)
    }
  }

  /** Without the room that was not used, unless a failure has left who knows what in it. */
  #shut({ fd, end }: OpenShelf): void {
    try {
      if (this.#failure === undefined) this.#files.cut(fd, end)
    } catch {
      // zeros that nobody reads stay behind
    }
    this.#files.close(fd)
  }

  async get(commitment: string, place: PayloadPlace): Promise<Payload> {
    this.write()
    if (!/^[0-9a-f]{64}$/.test(commitment)) throw new KernelError('VALUE_INVALID', 'a commitment has 64 hex digits')
    // An entry is written a moment after its payload, and its clock never goes back: the payload may lie a day off.
    for (const days of [0, -1, 1]) {
      const payload = this.#search(shelfOf(this.#directory, place.class, place.timeMs + days * dayMs), commitment)
      if (payload !== undefined) return payload
    }
    const advice = 'its retention may have passed, or the entry is of another class'
    throw new KernelError('VAULT_NOT_FOUND', `commitment ${commitment}; ${advice}`)
  }

  #search(shelf: Shelf, commitment: string): Payload | undefined {
    let fd: number
    try {
      fd = openSync(shelf.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    } catch (cause) {
      if (systemCode(cause) === 'ENOENT') return undefined
      throw new KernelError('SEAL_INVALID', `\`${shelf.path}\` cannot be read`, { cause })
    }
    try {
      const size = fstatSync(fd).size
      const walk = new DayFileWalk(fd, size)
      const near = this.#recent.get(commitment) ?? this.#lastFound.get(shelf.path) ?? 0
      const target = Buffer.from(commitment, 'hex')
      const found = walk.find(target, near, size) ?? walk.find(target, 0, near)
      if (found === undefined || found.sealedAt + found.sealedBytes > size) return undefined
      this.#remember(shelf.path, found.offset)
      return this.#unseal(fd, shelf, found, commitment)
    } finally {
      closeSync(fd)
    }
  }

  #remember(path: string, offset: number): void {
    if (this.#lastFound.size >= openFiles) this.#lastFound.clear()
    this.#lastFound.set(path, offset)
  }

  #unseal(fd: number, shelf: Shelf, found: Found, commitment: string): Payload | undefined {
    const key = this.#open.get(shelf.path)?.key ?? readDayKey(`${shelf.path}.key`, this.#options.key, shelf.context)
    if (key === undefined) return undefined
    const sealed = Buffer.alloc(found.sealedBytes)
    readSync(fd, sealed, 0, sealed.length, found.sealedAt)
    const payload = payloadAt(unseal(key, recordContext(shelf, found.offset), sealed), found.index)
    if (commitmentOf(payload) === commitment) return payload
    throw new KernelError('SEAL_INVALID', `\`${shelf.path}\` holds another payload than the commitment says`)
  }

  expire(timeMs: number): void {
    for (const path of daysBefore(this.#directory, timeMs)) {
      this.#guard(`\`${path}\` cannot be removed`, () => {
        const open = this.#open.get(path)
        this.#open.delete(path)
        if (open !== undefined) this.#files.close(open.fd)
        removeDay(path)
      })
    }
  }

  async close(): Promise<void> {
    try {
      if (this.#failure === undefined) await this.sync()
    } finally {
      for (const shelf of this.#open.values()) this.#shut(shelf)
      this.#open.clear()
      this.#failure ??= new KernelError('VAULT_UNWRITABLE', 'it was closed; open it again')
    }
  }

  /** A write that failed may have left half a record: nothing is written behind it. */
  #guard(what: string, act: () => void): void {
    try {
      act()
    } catch (cause) {
      throw this.#fail(what, cause)
    }
  }

  #fail(what: string, cause: unknown): KernelError {
    const why = cause instanceof KernelError ? `${what} (${cause.message})` : what
    this.#failure ??= new KernelError('VAULT_UNWRITABLE', `${why}; check the disk, then start again`, { cause })
    return this.#failure
  }
}

/** Payloads cut into records, in order. */
function* batches(payloads: readonly Committed[]): Generator<Committed[]> {
  let batch: Committed[] = []
  let bytes = 0
  for (const payload of payloads) {
    if (batch.length === recordItems || (batch.length > 0 && bytes + payload.bytes.length > recordTargetBytes)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(payload)
    bytes += payload.bytes.length
  }
  if (batch.length > 0) yield batch
}

function recordContext(shelf: Shelf, offset: number): string {
  return `${shelf.context} ${offset}`
}
