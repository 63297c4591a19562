import { compilePattern, literalPattern, matchesPattern } from './pattern.ts'

/** A pattern that stands for resources which were asked for. */
export interface Piece {
  readonly pattern: string
  /** What it begins with: a resource, a folder, or the folder of a glob with the glob behind it. */
  readonly base: string
  readonly kind: 'literal' | 'folder' | 'glob'
}

/** Up to which folder a resource may be generalised; undefined where not at all. */
export type RootOf = (resource: string) => string | undefined

/**
 * Patterns for a set of resources, from the resources themselves towards fewer and wider ones. None of them ever matches a
 * resource that was refused, or reaches above the root of what it stands for.
 */
export class Cover {
  readonly #pieces: Map<string, Piece> = new Map()
  /** What lies in each folder, at any depth. */
  readonly #below: Map<string, Set<Piece>> = new Map()
  /** Folders in which something was refused, and what was. */
  readonly #closed: Set<string> = new Set()
  /** What was refused, by the folder that it lies in. */
  readonly #refused: ReadonlyMap<string, readonly string[]>
  readonly #rootOf: RootOf

  constructor(wanted: Iterable<string>, refused: Iterable<string>, rootOf: RootOf) {
    this.#rootOf = rootOf
    const all = [...refused]
    this.#refused = Map.groupBy(all, folderOf)
    for (const resource of all) {
      this.#closed.add(resource)
      for (const folder of foldersAbove(resource)) this.#closed.add(folder)
    }
    for (const resource of [...new Set(wanted)].sort()) {
      this.#add({ pattern: literalPattern(resource), base: resource, kind: 'literal' })
    }
  }

  get pieces(): readonly Piece[] {
    return [...this.#pieces.values()]
  }

  /** Takes together what lies in one folder, from the deepest on, where at least `least` siblings do; never a whole root. */
  gatherSiblings(least: number): void {
    for (const folder of this.#folders()) {
      if (folder === this.#rootOf(folder)) continue
      const below = [...(this.#below.get(folder) ?? [])]
      const literals = below.filter(({ kind, base }) => kind === 'literal' && base !== folder)
      const siblings = new Set(literals.map(({ base }) => base.slice(folder.length + 1).split('/', 1)[0]))
      if (siblings.size < least) continue
      if (!this.#closed.has(folder)) this.collapse(folder)
    }
    this.#gatherNames(least)
  }

  /** Folders at `depth` that could stand for `least` pieces or more, those that stand for most of them first. */
  foldersAt(depth: number, least: number): readonly string[] {
    const size = (folder: string): number => this.#below.get(folder)?.size ?? 0
    return this.#folders()
      .filter((folder) => depthOf(folder) === depth && size(folder) >= least && !this.#closed.has(folder))
      .sort((a, b) => size(b) - size(a) || (a < b ? -1 : 1))
  }

  get deepest(): number {
    return Math.max(0, ...[...this.#below.keys()].map(depthOf))
  }

  /** Puts one pattern for a folder in the place of all that lies in it. */
  collapse(folder: string): void {
    for (const piece of [...(this.#below.get(folder) ?? [])]) this.#remove(piece)
    this.#add({ pattern: `${literalPattern(folder)}/**`, base: folder, kind: 'folder' })
  }

  /** In folders that do not stand for all in them, names alike: `report-*.txt` before `*.txt`. */
  #gatherNames(least: number): void {
    for (const alike of [digitsOf, endingOf]) {
      const literals = this.pieces.filter(({ kind }) => kind === 'literal')
      const groups = Map.groupBy(literals, (piece) => {
        const folder = folderOf(piece.base)
        const name = alike(piece.base.slice(folder.length + 1))
        return name === undefined || !this.#foldersOf(piece).includes(folder) ? '' : `${literalPattern(folder)}/${name}`
      })
      for (const [pattern, group] of groups) {
        const folder = folderOf(group[0]?.base ?? '')
        if (pattern === '' || group.length < least || !this.#isClear(pattern, folder)) continue
        for (const piece of group) this.#remove(piece)
        this.#add({ pattern, base: pattern, kind: 'glob' })
      }
    }
  }

  /** Whether a pattern of names in `folder` matches nothing that was refused: it crosses no folder. */
  #isClear(text: string, folder: string): boolean {
    const reading = compilePattern(text)
    if ('problem' in reading) return false
    return !(this.#refused.get(folder) ?? []).some((resource) => matchesPattern(reading.pattern, resource))
  }

  /** The deepest first, then by name. */
  #folders(): string[] {
    return [...this.#below.keys()].sort((a, b) => depthOf(b) - depthOf(a) || (a < b ? -1 : 1))
  }

  #add(piece: Piece): void {
    this.#pieces.set(piece.pattern, piece)
    for (const folder of this.#foldersOf(piece)) {
      const below = this.#below.get(folder)
      if (below === undefined) this.#below.set(folder, new Set([piece]))
      else below.add(piece)
    }
  }

  #remove(piece: Piece): void {
    this.#pieces.delete(piece.pattern)
    for (const folder of this.#foldersOf(piece)) this.#below.get(folder)?.delete(piece)
  }

  /** The folders that hold a piece, itself where it is one, up to its root. */
  #foldersOf({ base }: Piece): string[] {
    const root = this.#rootOf(base)
    if (root === undefined) return []
    return [base, ...foldersAbove(base)].filter((folder) => folder === root || folder.startsWith(`${root}/`))
  }
}

function folderOf(resource: string): string {
  return resource.slice(0, Math.max(0, resource.lastIndexOf('/')))
}

/** Every folder above a resource, the nearest first; of a URL down to its host. */
function foldersAbove(resource: string): string[] {
  const folders: string[] = []
  const scheme = resource.indexOf('://')
  const end = scheme < 0 ? 0 : scheme + 2
  for (let slash = resource.lastIndexOf('/'); slash > end; slash = resource.lastIndexOf('/', slash - 1)) {
    folders.push(resource.slice(0, slash))
  }
  return folders
}

function depthOf(folder: string): number {
  return folder.split('/').length
}

/** `report-*.txt` for `report-17.txt`; undefined where there is no number, or nothing else. */
function digitsOf(name: string): string | undefined {
  if (!/\d/.test(name) || !/\p{L}{2}/u.test(name)) return undefined
  return name.split(/\d+/).map(literalPattern).join('*')
}

/** `*.txt` for `a.txt`; a name that begins with its only dot has no ending. */
function endingOf(name: string): string | undefined {
  const dot = name.lastIndexOf('.')
  return dot > 0 && dot < name.length - 1 ? `*${literalPattern(name.slice(dot))}` : undefined
}
