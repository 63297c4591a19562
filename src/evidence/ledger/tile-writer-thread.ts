import { Worker } from 'node:worker_threads'
import type { TileJob, TileWriting } from './tile-writer.ts'

/** A job on its way to the thread: all files in one piece of memory, which is handed over, not copied again. */
export interface PackedJob {
  readonly paths: readonly string[]
  readonly sizes: readonly number[]
  readonly bytes: Uint8Array
  readonly note: Uint8Array
  readonly outdated: readonly string[]
}

/** What the thread says of the job: nothing when it is done, else what the system said. */
export interface JobReport {
  readonly failure?: { readonly message: string; readonly code: string | undefined }
}

interface Waiting {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** The thread ended, or never began: what it was to do somebody else may do. */
export class ThreadLost extends Error {}

/**
 * Carries out jobs in a thread of its own. Publishing is a few hundred calls to the file system a second, and each costs the
 * thread that makes it as much as a decision does.
 */
export class TileWriterThread implements TileWriting {
  readonly #worker: Worker
  #waiting: Waiting | undefined
  #lost: ThreadLost | undefined

  /** @throws an error of Node's where a process may not start threads */
  constructor(directory: string) {
    const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'))
    this.#worker = new Worker(new URL(`./tile-writer-worker${extension}`, import.meta.url), {
      workerData: directory,
      env: {},
      execArgv: [],
      name: 'kestrel-publisher',
    })
    this.#worker.unref()
    this.#worker.on('message', (report: JobReport) => this.#end(report))
    this.#worker.on('error', (cause) => this.#lose(cause))
    this.#worker.on('exit', () => this.#lose(undefined))
  }

  /** One job at a time. @throws ThreadLost, or the system's error */
  write(job: TileJob): Promise<void> {
    if (this.#lost !== undefined) return Promise.reject(this.#lost)
    const packed = pack(job)
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      // Whoever waits for a publication keeps the process alive, and nobody else does.
      this.#worker.ref()
      this.#worker.postMessage(packed, [packed.bytes.buffer as ArrayBuffer])
    })
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }

  #end({ failure }: JobReport): void {
    const waiting = this.#takeWaiting()
    if (failure === undefined) waiting?.resolve()
    else waiting?.reject(Object.assign(new Error(failure.message), { code: failure.code }))
  }

  #lose(cause: unknown): void {
    this.#lost ??= new ThreadLost('the thread that publishes has ended', { cause })
    this.#takeWaiting()?.reject(this.#lost)
  }

  #takeWaiting(): Waiting | undefined {
    const waiting = this.#waiting
    this.#waiting = undefined
    this.#worker.unref()
    return waiting
  }
}

function pack({ files, note, outdated }: TileJob): PackedJob {
  const sizes = files.map(({ bytes }) => bytes.length)
  const bytes = new Uint8Array(sizes.reduce((sum, size) => sum + size, 0))
  let at = 0
  for (const file of files) {
    bytes.set(file.bytes, at)
    at += file.bytes.length
  }
  return { paths: files.map(({ path }) => path), sizes, bytes, note: Uint8Array.from(note), outdated }
}

export function unpack({ paths, sizes, bytes, note, outdated }: PackedJob): TileJob {
  let end = 0
  const files = paths.map((path, index) => {
    const from = end
    end += sizes[index] as number
    return { path, bytes: bytes.subarray(from, end) }
  })
  return { files, note, outdated }
}
