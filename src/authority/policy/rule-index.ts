import { limits } from '../../base/limits.ts'
import { matchesPattern, type GlobPattern, type Pattern } from './pattern.ts'

/**
 * Finds the items whose resource pattern matches, without looking at most of the others.
 *
 * Literals are looked up by the whole resource. Folders (`/a/b/**`) and globs that begin with literal segments hang at their
 * folder and are found by walking down the resource; there, globs are looked up by what stands before their first wildcard,
 * or by their last segment where that is literal. Only the rest is tried one by one, each distinct pattern once.
 */
export class ResourceIndex<T> {
  readonly #everything: T[] = []
  readonly #literals = new Map<string, T[]>()
  readonly #folders = new Map<string, Folder<T>>()
  readonly #anywhere = new Folder<T>()
  #deepestFolder = -1

  add(pattern: Pattern, item: T): void {
    switch (pattern.kind) {
      case 'any':
        this.#everything.push(item)
        break
      case 'literal':
        listAt(this.#literals, pattern.value).push(item)
        break
      case 'prefix':
        this.#folderAt(pattern.folder).below.push(item)
        break
      case 'glob':
        if (pattern.folder === undefined) this.#anywhere.addGlob(pattern, item)
        else this.#folderAt(pattern.folder).addGlob(pattern, item)
    }
  }

  /** Adds every item that matches to `found`, in no particular order. */
  collect(resource: string, found: T[]): void {
    append(found, this.#everything)
    append(found, this.#literals.get(resource))
    if (this.#anywhere.hasGlobs) this.#anywhere.collectGlobs(resource, 0, found)
    if (this.#deepestFolder < 0) return
    let depth = 0
    for (
      let slash = resource.indexOf('/');
      slash !== -1 && depth <= this.#deepestFolder;
      slash = resource.indexOf('/', slash + 1)
    ) {
      const folder = this.#folders.get(resource.slice(0, slash))
      if (folder !== undefined) {
        append(found, folder.below)
        if (folder.hasGlobs) folder.collectGlobs(resource, slash + 1, found)
      }
      depth++
    }
    // `/a/**` matches `/a` itself
    if (depth <= this.#deepestFolder) append(found, this.#folders.get(resource)?.below)
  }

  #folderAt(name: string): Folder<T> {
    let folder = this.#folders.get(name)
    if (folder === undefined) {
      folder = new Folder()
      this.#folders.set(name, folder)
      this.#deepestFolder = Math.max(this.#deepestFolder, name.split('/').length - 1)
    }
    return folder
  }
}

/** The globs that begin in one folder, each where the fewest requests look for it. */
class Folder<T> {
  readonly below: T[] = []
  hasGlobs = false
  readonly #byStart = new Map<string, Globs<T>>()
  readonly #startLengths = new Set<number>()
  readonly #byLast = new Map<string, Globs<T>>()
  readonly #others: Globs<T> = new Map()

  addGlob(pattern: GlobPattern, item: T): void {
    this.hasGlobs = true
    const globs = this.#globsFor(pattern)
    const glob = globs.get(pattern.text)
    if (glob === undefined) globs.set(pattern.text, { matches: pattern.matches, items: [item] })
    else glob.items.push(item)
  }

  #globsFor({ start, last }: GlobPattern): Globs<T> {
    if (start !== '') {
      this.#startLengths.add(start.length)
      return globsAt(this.#byStart, start)
    }
    return last === undefined ? this.#others : globsAt(this.#byLast, last)
  }

  /** @param from where the part of `resource` inside this folder begins */
  collectGlobs(resource: string, from: number, found: T[]): void {
    for (const length of this.#startLengths) {
      const globs = this.#byStart.get(resource.slice(from, from + length))
      if (globs !== undefined) collectFrom(globs, resource, found)
    }
    if (this.#byLast.size > 0) {
      const globs = this.#byLast.get(resource.slice(resource.lastIndexOf('/') + 1))
      if (globs !== undefined) collectFrom(globs, resource, found)
    }
    if (this.#others.size > 0) collectFrom(this.#others, resource, found)
  }
}

/** By the text of their pattern, so that each distinct pattern is tried once. */
type Globs<T> = Map<string, Glob<T>>

interface Glob<T> {
  readonly matches: (resource: string) => boolean
  readonly items: T[]
}

function globsAt<T>(groups: Map<string, Globs<T>>, key: string): Globs<T> {
  let globs = groups.get(key)
  if (globs === undefined) groups.set(key, (globs = new Map()))
  return globs
}

function collectFrom<T>(globs: Globs<T>, resource: string, found: T[]): void {
  for (const glob of globs.values()) if (glob.matches(resource)) append(found, glob.items)
}

function append<T>(found: T[], items: readonly T[] | undefined): void {
  if (items !== undefined) for (const item of items) found.push(item)
}

function listAt<T>(lists: Map<string, T[]>, key: string): T[] {
  let list = lists.get(key)
  if (list === undefined) lists.set(key, (list = []))
  return list
}

/** Resource indexes by action, so that rules for other actions cost a decision nothing. */
export class ActionIndex<T> {
  readonly #byAction = new Map<string, ResourceIndex<T>>()
  readonly #byPattern = new Map<string, { readonly pattern: Pattern; readonly index: ResourceIndex<T> }>()

  add(action: Pattern, resource: Pattern, item: T): void {
    if (action.kind === 'literal') {
      let index = this.#byAction.get(action.value)
      if (index === undefined) this.#byAction.set(action.value, (index = new ResourceIndex()))
      index.add(resource, item)
    } else {
      let entry = this.#byPattern.get(action.text)
      if (entry === undefined)
        this.#byPattern.set(action.text, (entry = { pattern: action, index: new ResourceIndex() }))
      entry.index.add(resource, item)
    }
  }

  /** The indexes that hold rules for `action`: at most one of its own, and one per distinct pattern that matches it. */
  indexesFor(action: string): readonly ResourceIndex<T>[] {
    const own = this.#byAction.get(action)
    const indexes = own === undefined ? [] : [own]
    for (const { pattern, index } of this.#byPattern.values()) if (matchesPattern(pattern, action)) indexes.push(index)
    return indexes
  }
}

/** Remembers the answers for the last few thousand actions; when full it forgets them all, which costs only time. */
export class ActionCache<Plan> {
  readonly #plans = new Map<string, Plan>()
  readonly #make: (action: string) => Plan

  constructor(make: (action: string) => Plan) {
    this.#make = make
  }

  get(action: string): Plan {
    const known = this.#plans.get(action)
    if (known !== undefined) return known
    if (this.#plans.size >= limits.policyActions) this.#plans.clear()
    const plan = this.#make(action)
    this.#plans.set(action, plan)
    return plan
  }
}
