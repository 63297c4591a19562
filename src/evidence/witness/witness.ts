import type { Clock } from '../../base/clock.ts'
import { limits } from '../../base/limits.ts'
import type { Primitives } from '../../base/primitives.ts'
import { formatNote, formatSignatureLine, isLineOf, type Note } from '../ledger/note.ts'
import type { CosignedAt } from './cosignature.ts'
import type { CosignedHead } from './cosigned-heads.ts'
import { admit, judge, type Extension, type KnownLogs, type Submitted } from './judge.ts'
import { isRefusal, type Refusal } from './refusal.ts'
import type { WitnessSigner } from './signer.ts'

/** Where a witness keeps the largest head that it cosigned of each log. */
export interface HeadStore {
  read(origin: string): Promise<CosignedHead | undefined>
  /** On stable storage when this resolves. */
  write(origin: string, bytes: Uint8Array): Promise<void>
}

export interface WitnessOptions {
  readonly signer: WitnessSigner
  readonly logs: KnownLogs
  readonly heads: HeadStore
  readonly clock: Pick<Clock, 'now'>
  readonly primitives: Primitives
}

/** A cosignature that may be given away: the head is on stable storage. */
export interface CosignedLine {
  /** The signature line, its newline included. */
  readonly line: string
  readonly timestamp: CosignedAt
  readonly size: number
}

/** More requests for this log wait than are kept. */
export interface Busy {
  readonly waiting: number
}

/** Finds the proof that a checkpoint extends the tree of `oldSize` leaves. */
export type Prove = (oldSize: number, submitted: Submitted) => Extension | Promise<Extension>

/**
 * Cosigns what extends the largest head that it cosigned before, and never two heads of which neither extends the other.
 *
 * One checkpoint of a log at a time: what is remembered is read, judged and replaced before the next request looks at it.
 */
export class Witness {
  readonly #options: WitnessOptions
  readonly #queues = new Map<string, { last: Promise<unknown>; waiting: number }>()

  constructor(options: WitnessOptions) {
    this.#options = options
  }

  /** @throws whatever the store throws; then nothing was cosigned */
  async cosign(checkpoint: Uint8Array, prove: Prove): Promise<CosignedLine | Refusal | Busy> {
    const { logs, primitives } = this.#options
    const submitted = await admit(checkpoint, logs, primitives)
    if (isRefusal(submitted)) return submitted
    return this.#inTurn(submitted.checkpoint.origin, () => this.#decide(submitted, prove))
  }

  async #decide(submitted: Submitted, prove: Prove): Promise<CosignedLine | Refusal> {
    const { signer, heads, clock, primitives } = this.#options
    const { note, checkpoint } = submitted
    const known = await heads.read(checkpoint.origin)
    const extension = await prove(known?.checkpoint.size ?? 0, submitted)
    const refusal = await judge(checkpoint, extension, known?.checkpoint, primitives)
    if (refusal !== undefined) return refusal
    // a clock that was set back must not make an earlier head look like the later one
    const timestamp = Math.max(Math.floor(clock.now() / 1000), known?.timestamp ?? 1)
    const line = signer.cosign(note.body, timestamp)
    await heads.write(checkpoint.origin, this.#cosigned(note, line))
    return { line, timestamp, size: checkpoint.size }
  }

  /** What is remembered and served: the lines of the log's known keys and our own, none of strangers. */
  #cosigned({ body, signatures }: Note, line: string): Uint8Array {
    const keys = this.#options.logs.get(body.slice(0, body.indexOf('\n'))) ?? []
    const own = keys.flatMap((key) => signatures.find((each) => isLineOf(each, key)) ?? [])
    const lines = own.map(({ name, keyId, signature }) => formatSignatureLine(name, keyId, signature))
    return formatNote(body, [...lines, line])
  }

  async #inTurn<T>(origin: string, work: () => Promise<T>): Promise<T | Busy> {
    const queue = this.#queues.get(origin) ?? { last: Promise.resolve(), waiting: 0 }
    if (queue.waiting >= limits.witnessWaiting) return { waiting: queue.waiting }
    this.#queues.set(origin, queue)
    queue.waiting++
    const turn = queue.last.then(work)
    queue.last = turn.catch(() => undefined)
    try {
      return await turn
    } finally {
      queue.waiting--
      if (queue.waiting === 0) this.#queues.delete(origin)
    }
  }
}
