import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import type { Change, OpenFile } from '../crash/file-tap.ts'

/**
 * A disk with a power switch: what is surely on it, and what the system was asked to put there and has not confirmed.
 *
 * What a file system may leave after a power loss, as this model takes it:
 *
 * - A completed fsync or fdatasync of a file keeps every write and size that was complete when the sync began. It does not keep
 *   the file's name: that needs a sync of the folder that holds it, and so does a new folder's own name (POSIX; ext4, XFS and
 *   btrfs keep more).
 * - Unsynced writes reach the disk by sectors of 512 bytes, each or not, in any order: a sector holds what it held at any
 *   moment since the last sync. Nothing is smaller than a sector.
 * - A size is any that the file had since the last sync, with or without the data behind it. What was never written reads as
 *   zeros: ext4 (`data=ordered`) and XFS move the size only over written or zeroed blocks, so stale blocks never show.
 * - Changes in one folder that touch no common name happen or not, in any order (btrfs, and ext4 without a journal; ext4 and XFS
 *   keep their order). Those that share a name keep it. A rename in one folder happens whole or not at all.
 */
export class Volume {
  /** Where its files stand now: what is read from them is what the system holds, not only what is on the disk. */
  root: string
  readonly #top: FolderNode
  readonly #open: Map<OpenFile, FileNode> = new Map()
  readonly #syncing: Map<Change, readonly Pending[]> = new Map()
  readonly #began: Map<Change, Pending> = new Map()
  #nodes: Node[] = []

  /** @param root its present content is taken as being on the disk */
  constructor(root: string) {
    this.root = root
    this.#top = this.#readFolder(root)
  }

  #readFolder(path: string): FolderNode {
    const folder = this.#keep(new FolderNode())
    for (const name of readdirSync(path)) {
      if (isUnseen(name)) continue
      const below = join(path, name)
      folder.durable.set(name, lstatSync(below).isDirectory() ? this.#readFolder(below) : this.#readFile(below))
    }
    return folder
  }

  #readFile(path: string): FileNode {
    return this.#keep(new FileNode(readFileSync(path)))
  }

  #keep<Kind extends Node>(node: Kind): Kind {
    this.#nodes.push(node)
    return node
  }

  /** The system was asked for `change`: from now on it may be on the disk. */
  begin(change: Change): void {
    if (change.is === 'sync' || change.is === 'syncFolder') {
      const node = change.is === 'sync' ? this.#fileOf(change.file) : this.#folderAt(change.path)
      const done = node.pending.filter(({ isDone }) => isDone)
      this.#syncing.set(change, done)
      return
    }
    const pending = this.#pendingOf(change)
    if (pending !== undefined) this.#began.set(change, pending)
  }

  /** The system said that `change` is made. */
  finish(change: Change): void {
    const pending = this.#began.get(change)
    if (pending !== undefined) pending.isDone = true
    this.#began.delete(change)
    const synced = this.#syncing.get(change)
    if (synced === undefined) return
    this.#syncing.delete(change)
    const node = change.is === 'sync' ? this.#fileOf(change.file) : this.#folderAt((change as { path: string }).path)
    node.settle(synced)
  }

  #pendingOf(change: Change): Pending | undefined {
    switch (change.is) {
      case 'open':
        return this.#openFile(change)
      case 'write':
        return this.#fileOf(change.file).add({ ...pendingWrite(change.bytes, change.at) })
      case 'resize':
        return this.#fileOf(change.file).add({ isDone: false, apply: (content) => resized(content, change.sizeBytes) })
      case 'makeFolder':
        // Two that make one folder at a time both ask for it.
        return this.#nodeAt(change.path) === undefined
          ? this.#name(change.path, this.#keep(new FolderNode()))
          : undefined
      case 'remove':
      case 'removeFolder':
        return this.#name(change.path, undefined)
      case 'rename':
        return this.#rename(change.path, change.to)
      default:
        return undefined
    }
  }

  #openFile({ path, file, creates, empties }: Change & { is: 'open' }): Pending | undefined {
    const known = creates ? undefined : this.#nodeAt(path)
    const node = known instanceof FileNode ? known : this.#keep(new FileNode(Buffer.alloc(0)))
    this.#open.set(file, node)
    if (creates) return this.#name(path, node)
    return empties ? node.add({ isDone: false, apply: () => Buffer.alloc(0) }) : undefined
  }

  #name(path: string, node: Node | undefined): Pending {
    const name = basename(path)
    const apply = (names: Map<string, Node>): void => {
      if (node === undefined) names.delete(name)
      else names.set(name, node)
    }
    return this.#folderAt(dirname(path)).add({ isDone: false, names: [name], apply })
  }

  #rename(from: string, to: string): Pending {
    if (dirname(from) !== dirname(to)) throw new Error('a rename from folder to folder is not modelled')
    const names = [basename(from), basename(to)] as const
    const node = this.#nodeAt(from)
    const apply = (at: Map<string, Node>): void => {
      at.delete(names[0])
      if (node !== undefined) at.set(names[1], node)
    }
    return this.#folderAt(dirname(from)).add({ isDone: false, names, apply })
  }

  #fileOf(file: OpenFile): FileNode {
    const node = this.#open.get(file)
    if (node === undefined) throw new Error(`\`${file.path}\` was never opened`)
    return node
  }

  #nodeAt(path: string): Node | undefined {
    const inside = relative(this.root, path)
    let node: Node | undefined = this.#top
    for (const name of inside === '' ? [] : inside.split('/')) {
      node = node instanceof FolderNode ? node.now().get(name) : undefined
    }
    return node
  }

  #folderAt(path: string): FolderNode {
    const node = this.#nodeAt(path)
    if (node instanceof FolderNode) return node
    throw new Error(`\`${path}\` is no folder`)
  }

  /** The open questions of a power loss at this moment. Each has at least two answers; answer 0 is "nothing more than surely". */
  questions(): Question[] {
    return this.#nodes.flatMap((node) => node.questions())
  }

  /** Every file and folder after a power loss, by relative path, for one answer a question. A folder is undefined. */
  image(answers: ReadonlyMap<Question, number>): Map<string, Buffer | undefined> {
    const image = new Map<string, Buffer | undefined>()
    const visit = (folder: FolderNode, path: string): void => {
      for (const [name, node] of folder.after(answers)) {
        const below = path === '' ? name : `${path}/${name}`
        image.set(below, node instanceof FileNode ? node.after(answers) : undefined)
        if (node instanceof FolderNode) visit(node, below)
      }
    }
    visit(this.#top, '')
    return image
  }
}

/** Something that a power loss decides. */
export interface Question {
  readonly answers: number
}

/** SQLite's files change unseen; nothing of the log depends on what they hold. */
function isUnseen(name: string): boolean {
  return /^(?:lock|lock-journal|lock\.owner|state\.db.*)$/.test(name)
}

interface Pending {
  /** Whether the system said that it is made. */
  isDone: boolean
}

interface Rewrite extends Pending {
  apply(content: Buffer): Buffer
}

interface Renaming extends Pending {
  readonly names: readonly string[]
  apply(names: Map<string, Node>): void
}

type Node = FileNode | FolderNode

const sectorBytes = 512

function pendingWrite(bytes: Buffer, at: number): Rewrite {
  const apply = (content: Buffer): Buffer => {
    const grown = Buffer.alloc(Math.max(content.length, at + bytes.length))
    content.copy(grown)
    bytes.copy(grown, at)
    return grown
  }
  return { isDone: false, apply }
}

function resized(content: Buffer, sizeBytes: number): Buffer {
  const next = Buffer.alloc(sizeBytes)
  content.copy(next)
  return next
}

function distinct(buffers: readonly Buffer[]): Buffer[] {
  return buffers.filter((buffer, index) => buffers.findIndex((other) => other.equals(buffer)) === index)
}

class FileNode {
  #durable: Buffer
  pending: Rewrite[] = []
  #asked: Asked | undefined

  constructor(durable: Buffer) {
    this.#durable = durable
  }

  add(rewrite: Rewrite): Rewrite {
    this.#asked = undefined
    this.pending.push(rewrite)
    return rewrite
  }

  settle(synced: readonly Pending[]): void {
    this.#asked = undefined
    for (const rewrite of this.pending) if (synced.includes(rewrite)) this.#durable = rewrite.apply(this.#durable)
    this.pending = this.pending.filter((rewrite) => !synced.includes(rewrite))
  }

  questions(): Question[] {
    if (this.pending.length === 0) return []
    this.#asked ??= this.#ask()
    const { size, sectors } = this.#asked
    return [size, ...sectors.map(({ question }) => question)].filter(({ answers }) => answers > 1)
  }

  #ask(): Asked {
    const moments = [this.#durable]
    for (const rewrite of this.pending) moments.push(rewrite.apply(moments.at(-1) as Buffer))
    const sizes = [...new Set(moments.map(({ length }) => length))]
    const sectors: Sector[] = []
    for (let at = 0; at < Math.max(...sizes); at += sectorBytes) {
      const contents = distinct(moments.map((moment) => resized(moment.subarray(at, at + sectorBytes), sectorBytes)))
      if (contents.length > 1) sectors.push({ at, contents, question: { answers: contents.length } })
    }
    return { size: { answers: sizes.length }, sizes, sectors, base: this.#durable }
  }

  after(answers: ReadonlyMap<Question, number>): Buffer {
    if (this.#asked === undefined || this.pending.length === 0) return this.#durable
    const { size, sizes, sectors, base } = this.#asked
    const content = resized(base, Math.max(...sizes))
    for (const { at, contents, question } of sectors) contents[answers.get(question) ?? 0]?.copy(content, at)
    return resized(content.subarray(0, sizes[answers.get(size) ?? 0]), sizes[answers.get(size) ?? 0] as number)
  }
}

interface Asked {
  readonly size: Question
  readonly sizes: readonly number[]
  readonly sectors: readonly Sector[]
  readonly base: Buffer
}

interface Sector {
  readonly at: number
  readonly contents: readonly Buffer[]
  readonly question: Question
}

class FolderNode {
  readonly durable: Map<string, Node> = new Map()
  pending: Renaming[] = []
  readonly #questions: Map<Renaming, Question> = new Map()

  add(renaming: Renaming): Renaming {
    this.pending.push(renaming)
    this.#questions.set(renaming, { answers: 2 })
    return renaming
  }

  now(): Map<string, Node> {
    const names = new Map(this.durable)
    for (const { apply } of this.pending) apply(names)
    return names
  }

  settle(synced: readonly Pending[]): void {
    for (const renaming of this.pending) {
      if (!synced.includes(renaming)) continue
      renaming.apply(this.durable)
      this.#questions.delete(renaming)
    }
    this.pending = this.pending.filter((renaming) => !synced.includes(renaming))
  }

  questions(): Question[] {
    return [...this.#questions.values()]
  }

  after(answers: ReadonlyMap<Question, number>): Map<string, Node> {
    const names = new Map(this.durable)
    const lost = new Set<string>()
    for (const renaming of this.pending) {
      const isMade = answers.get(this.#questions.get(renaming) as Question) === 1
      // A change behind a lost one of the same name cannot have happened without it.
      if (isMade && !renaming.names.some((name) => lost.has(name))) renaming.apply(names)
      else for (const name of renaming.names) lost.add(name)
    }
    return names
  }
}

/** Writes an image to an empty folder. */
export function writeImage(folder: string, image: ReadonlyMap<string, Buffer | undefined>): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  for (const [path, content] of image) {
    if (content === undefined) mkdirSync(join(folder, path), { mode: 0o700 })
    else writeFileSync(join(folder, path), content, { mode: 0o600 })
  }
}
