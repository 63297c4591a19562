import { lstatSync, readdirSync, type BigIntStats } from 'node:fs'
import { dirname, isAbsolute, join, normalize } from 'node:path'
import { systemClock, type Clock } from '../base/clock.ts'
import { KernelError, systemCode } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import { realPlace } from '../base/own-folder.ts'
import type { Protection } from './provider.ts'

/**
 * Protects Kestrel's own files and folders (requirement GATE-13).
 *
 * By place: each path as given, and where it leads. By identity: the device and inode of everything at and below each path, so
 * that a hard link, a bind mount or another spelling of a protected file is known as well. The paths need not exist yet.
 *
 * @param paths absolute: the data directory, the keys directory, the policy file, sockets
 * @throws KernelError OPTIONS_INVALID for a path that is not absolute
 */
export function protect(paths: readonly string[], clock: Clock = systemClock): Protection {
  const places = paths.map((path) => {
    if (!isAbsolute(path)) throw new KernelError('OPTIONS_INVALID', `the protected path \`${path}\` is not absolute`)
    return new Place(normalize(path).replace(/(?<=.)\/+$/, ''))
  })
  const identities = new Identities(places, clock)
  return {
    places: () => places.flatMap((place) => place.spelt()),
    coversPath: (path) => {
      for (const place of places) if (place.covers(path)) return true
      return false
    },
    coversIdentity: ({ dev, ino, links }) => identities.has(`${dev}:${ino}`, links > 1n),
  }
}

/** One protected path, as given and as it resolves. */
class Place {
  readonly given: string
  private real: string
  /** Each spelling once, with a slash at the end: most places are no links. */
  private spellings: readonly string[] = []

  constructor(given: string) {
    this.given = given
    this.real = given
    this.resolve()
  }

  spelt(): readonly string[] {
    return this.spellings.map((spelling) => spelling.replace(/(?<=.)\/$/, ''))
  }

  covers(path: string): boolean {
    for (const spelling of this.spellings) {
      if (path.startsWith(spelling)) return true
      // The place itself has no slash at its end.
      if (path.length === spelling.length - 1 && spelling.startsWith(path)) return true
    }
    return false
  }

  /** Follows the links of the moment. What does not exist yet stands where its first existing folder leads. */
  resolve(): string {
    this.real = realPlace(this.given)
    // Where the last name is a link, the link itself is protected too, at its real place.
    const realParent = join(realPlace(dirname(this.given)), this.given.slice(this.given.lastIndexOf('/') + 1))
    const spellings = new Set([this.given, this.real, realParent])
    this.spellings = [...spellings].map((path) => (path.endsWith('/') ? path : `${path}/`))
    return this.real
  }
}

/** What one folder held when it was last read. */
interface FolderContent {
  readonly changedNs: bigint
  readonly files: readonly string[]
  readonly folders: readonly string[]
}

/**
 * The identities of all that is protected, read from the disk and kept.
 *
 * Taking in a large log anew for each file would be slow, so a folder is read again only when its time of change differs, and
 * all are looked over at most once in `limits.protectionAgeMs`. Two cases wait for a fresh look: a file with several hard
 * links, since one of them may be ours, and a match, since the system gives the inode of a deleted file to a new one.
 */
class Identities {
  private readonly places: readonly Place[]
  private readonly clock: Clock
  private readonly contents = new Map<string, FolderContent>()
  private known: ReadonlySet<string> = new Set()
  private isComplete = false
  private readAtMs = Number.NEGATIVE_INFINITY

  constructor(places: readonly Place[], clock: Clock) {
    this.places = places
    this.clock = clock
  }

  has(identity: string, isLinked: boolean): boolean {
    let isFresh = false
    if (isLinked || this.clock.monotonicMs() - this.readAtMs > limits.protectionAgeMs) {
      this.read()
      isFresh = true
    }
    if (!this.isComplete && isLinked) return true
    if (!this.known.has(identity)) return false
    if (!isFresh) this.read()
    return this.known.has(identity)
  }

  private read(): void {
    const known = new Set<string>()
    const seen = new Set<string>()
    this.isComplete = true
    for (const place of this.places) {
      const pending = [place.resolve()]
      for (let path = pending.pop(); path !== undefined; path = pending.pop()) this.readOne(path, known, seen, pending)
    }
    for (const path of this.contents.keys()) if (!seen.has(path)) this.contents.delete(path)
    this.known = known
    this.readAtMs = this.clock.monotonicMs()
  }

  private readOne(path: string, known: Set<string>, seen: Set<string>, pending: string[]): void {
    if (known.size >= limits.protectedFiles) {
      this.isComplete = false
      return
    }
    try {
      const facts = lstatSync(path, { bigint: true })
      known.add(identityOf(facts))
      if (!facts.isDirectory() || seen.has(path)) return
      seen.add(path)
      const content = this.contentOf(path, facts)
      for (const file of content.files) known.add(file)
      for (const folder of content.folders) pending.push(join(path, folder))
    } catch (error) {
      // Not there, or gone while it was read: nothing to protect. Anything else leaves something unseen.
      if (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'ENOTDIR') this.isComplete = false
    }
  }

  private contentOf(path: string, facts: BigIntStats): FolderContent {
    const last = this.contents.get(path)
    if (last !== undefined && last.changedNs === facts.ctimeNs) return last
    const content = readFolder(path, facts)
    // A change within the grain of the volume's clock would leave the same time: such a folder is read again next time.
    const isSettled = BigInt(this.clock.now()) * 1_000_000n - facts.ctimeNs > settledNs
    if (isSettled) this.contents.set(path, content)
    else this.contents.delete(path)
    return content
  }
}

/** Longer than any volume's clock grain (2 s on FAT). */
const settledNs = 2_500_000_000n

function readFolder(path: string, facts: BigIntStats): FolderContent {
  const files: string[] = []
  const folders: string[] = []
  for (const entry of readdirSync(path, { withFileTypes: true }).slice(0, limits.protectedFiles)) {
    if (entry.isDirectory()) {
      folders.push(entry.name)
      continue
    }
    const entryFacts = lstatSync(join(path, entry.name), { bigint: true, throwIfNoEntry: false })
    if (entryFacts !== undefined) files.push(identityOf(entryFacts))
  }
  return { changedNs: facts.ctimeNs, files, folders }
}

function identityOf(facts: BigIntStats): string {
  return `${facts.dev}:${facts.ino}`
}
