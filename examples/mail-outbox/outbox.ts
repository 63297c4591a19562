import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'

const states = ['waiting', 'sending', 'sent', 'failed', 'uncertain', 'unsent'] as const

/** `sending`: handed to the server at this moment; `uncertain`: it may have gone out, and nobody knows. */
export type State = (typeof states)[number]

/** Messages in folders, one a state. A message is in one of them at any moment, since it goes from one to the next by its name. */
export class Outbox {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
    for (const state of states) mkdirSync(join(folder, state), { recursive: true, mode: 0o700 })
  }

  /** The message is there, whole and on the disk, or it is not. */
  put(state: State, name: string, message: string): void {
    const draft = join(this.#folder, `${name}.draft`)
    try {
      const fd = openSync(draft, 'wx', 0o600)
      try {
        const bytes = Buffer.from(message)
        for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at)
        fsyncSync(fd)
      } finally {
        closeSync(fd)
      }
      renameSync(draft, this.#path(state, name))
    } catch (error) {
      rmSync(draft, { force: true })
      throw error
    }
    this.#sync(state)
  }

  /** @returns false where it is not in `from`: whoever moves it first has it */
  move(name: string, from: State, to: State): boolean {
    try {
      renameSync(this.#path(from, name), this.#path(to, name))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
      throw error
    }
    this.#sync(to)
    return true
  }

  read(state: State, name: string): string | undefined {
    try {
      return readFileSync(this.#path(state, name), 'utf8')
    } catch {
      return undefined
    }
  }

  remove(state: State, name: string): void {
    rmSync(this.#path(state, name), { force: true })
  }

  names(state: State): string[] {
    return readdirSync(join(this.#folder, state)).sort()
  }

  /** Where a message is whose name ends so, and under which name. */
  find(ending: string): { readonly state: State; readonly name: string } | undefined {
    for (const state of states) {
      const name = this.names(state).find((each) => each.endsWith(ending))
      if (name !== undefined) return { state, name }
    }
    return undefined
  }

  #path(state: State, name: string): string {
    return join(this.#folder, state, name)
  }

  #sync(state: State): void {
    const fd = openSync(join(this.#folder, state), 'r')
    try {
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
  }
}
