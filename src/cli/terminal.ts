import type { WriteStream } from 'node:tty'
import type { Environment } from '../base/places.ts'
import { jsonText } from './render/json-text.ts'
import { colours, plain, type Paint } from './render/paint.ts'

/** Text kept before it is written, so that a long list does not cost a system call a line. */
const bufferedCharacters = 65_536

/**
 * The one way out: results to stdout, everything else to stderr. With `--json` stdout carries JSON alone.
 *
 * A reader that has gone (`kestrel log | head`) is not an error: from then on writing does nothing and `isClosed` says so.
 */
export class Terminal {
  readonly isJson: boolean
  /** Colours for stdout; none where it is not a terminal. */
  readonly paint: Paint
  /** Whether a person watches stderr. */
  readonly isWatched: boolean
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly interrupted: AbortSignal
  readonly #stdout: WriteStream
  readonly #stderr: WriteStream
  #pending = ''
  #progress = ''
  #isClosed = false

  constructor(process: NodeJS.Process, environment: Environment, isJson: boolean, interrupted: AbortSignal) {
    this.#stdout = process.stdout
    this.#stderr = process.stderr
    this.isJson = isJson
    this.interrupted = interrupted
    this.isWatched = process.stdout.isTTY && process.stderr.isTTY && environment['TERM'] !== 'dumb'
    this.paint = process.stdout.isTTY && wantsColour(environment) && !isJson ? colours() : plain()
    this.#stdout.on('error', this.#onError)
    this.#stderr.on('error', this.#onError)
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Lines for people. Whatever is not the program's own words in them has gone through `visible`. */
  say(...lines: readonly string[]): void {
    this.write(lines.map((line) => `${line}\n`).join(''))
  }

  /** One line of JSON. */
  json(value: unknown): void {
    this.write(`${jsonText(value)}\n`)
  }

  /** Bytes as they are, kept back until there is enough of them or `flush`. */
  write(text: string): void {
    if (this.#isClosed) return
    this.#pending += text
    if (this.#pending.length >= bufferedCharacters) this.flush()
  }

  flush(): void {
    const text = this.#pending
    this.#pending = ''
    if (text !== '') this.progress('')
    if (text !== '' && !this.#isClosed) this.#stdout.write(text)
  }

  /** Waits until what was written has left the process. */
  async drain(): Promise<void> {
    this.flush()
    if (this.#isClosed || this.#stdout.writableLength === 0) return
    await new Promise<void>((resolve) => {
      this.#stdout.write('', () => resolve())
    })
  }

  /** A diagnostic. */
  note(text: string): void {
    this.flush()
    this.progress('')
    this.#stderr.write(`${text}\n`)
  }

  /** Replaces the last progress on a terminal that shows both streams; an empty text removes it, as does whatever is said next. */
  progress(text: string): void {
    if (!this.isWatched || text === this.#progress) return
    this.#progress = text
    this.#stderr.write(`\r\u001b[2K${text}`)
  }

  readonly #onError = (error: NodeJS.ErrnoException): void => {
    if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') throw error
    this.#isClosed = true
  }
}

function wantsColour(environment: Environment): boolean {
  return !environment['NO_COLOR'] && environment['TERM'] !== 'dumb'
}
