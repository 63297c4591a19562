import { mutate, type Material } from './mutate.ts'
import { Random } from './random.ts'
import { bytesOf, type Target } from './target.ts'

/** An input that broke an oracle or let something through that is no named error. */
export interface Finding {
  readonly target: string
  readonly input: Uint8Array
  readonly why: string
}

export interface FuzzOptions {
  readonly seed: number
  /** Whether to go on, asked before each input. */
  readonly goOn: (done: number) => boolean
  /** Inputs beside the target's own seeds, as those that were found before. */
  readonly known?: readonly Uint8Array[]
  /** Told of an input before it is read: one that never ends is found there. */
  readonly onInput?: (input: Uint8Array) => void
  readonly onFinding?: (finding: Finding) => void
  readonly coverage?: Coverage
}

export interface Fuzzed {
  readonly target: string
  readonly inputs: number
  /** Inputs that ended in a new way, or reached code that none before had. */
  readonly corpus: number
  /** Places of the code that were reached, where coverage guided it. */
  readonly reached: number
  readonly findings: readonly Finding[]
}

/** Tells which places of the code were reached since the last call. */
export interface Coverage {
  take(): ReadonlySet<string>
}

const corpusMost = 5000
const findingsMost = 20
/** Inputs between two looks at the coverage, which costs as much as hundreds of small inputs. */
const batchInputs = 200
const batchMs = 250

/** Reads mutated inputs until `goOn` says no. The same seed gives the same inputs, as long as no coverage guides it. */
export async function fuzz(target: Target, options: FuzzOptions): Promise<Fuzzed> {
  return new Fuzzer(target, options).run()
}

class Fuzzer {
  private readonly target: Target
  private readonly options: FuzzOptions
  private readonly random: Random
  private readonly corpus: Uint8Array[] = []
  private readonly endings = new Set<string>()
  private readonly findings = new Map<string, Finding>()
  private readonly reached = new Set<string>()
  private batch: Uint8Array[] = []
  private batchSince = 0
  private inputs = 0

  constructor(target: Target, options: FuzzOptions) {
    this.target = target
    this.options = options
    this.random = new Random(options.seed)
  }

  async run(): Promise<Fuzzed> {
    const { target, options } = this
    const seeds = [...(await target.seeds()), ...(options.known ?? [])]
    const words = (target.words ?? []).map(bytesOf)
    this.corpus.push(...seeds)
    for (const seed of seeds) await this.read(seed)
    const material: Material = { corpus: this.corpus, words }
    while (this.findings.size < findingsMost && options.goOn(this.inputs)) {
      const input = mutate(this.choose(), this.random, material)
      if (await this.read(input)) this.keep(input)
      if (options.coverage !== undefined) await this.follow(input, options.coverage)
    }
    const { inputs, corpus, reached } = this
    const findings = [...this.findings.values()]
    return { target: target.name, inputs, corpus: corpus.length, reached: reached.size, findings }
  }

  /** One of the corpus; the latest finds more often than the others. */
  private choose(): Uint8Array {
    const late = this.random.below(3) === 0 ? Math.max(0, this.corpus.length - 20) : 0
    return this.corpus[late + this.random.below(this.corpus.length - late)] as Uint8Array
  }

  private keep(input: Uint8Array): void {
    if (this.corpus.length < corpusMost) this.corpus.push(input)
    else this.corpus[this.random.below(corpusMost)] = input
  }

  /** Whether it ended in a way that is new. */
  private async read(input: Uint8Array): Promise<boolean> {
    this.inputs++
    this.options.onInput?.(input)
    try {
      const ended = await this.target.run(Uint8Array.from(input))
      const known = this.endings.size
      this.endings.add(ended)
      return this.endings.size > known
    } catch (error) {
      const why = error instanceof Error ? `${error.constructor.name}: ${error.message}` : `thrown: ${String(error)}`
      const kind = why.replace(/\d+/g, '')
      if (this.findings.has(kind)) return false
      const finding = { target: this.target.name, input, why }
      this.findings.set(kind, finding)
      this.options.onFinding?.(finding)
      return false
    }
  }

  private async follow(input: Uint8Array, coverage: Coverage): Promise<void> {
    this.batchSince ||= performance.now()
    this.batch.push(input)
    if (this.batch.length < batchInputs && performance.now() - this.batchSince < batchMs) return
    const { batch } = this
    this.batch = []
    this.batchSince = 0
    const fresh = new Set([...coverage.take()].filter((place) => !this.reached.has(place)))
    for (const place of fresh) this.reached.add(place)
    for (const each of batch) {
      if (fresh.size === 0) return
      await this.read(each)
      const own = [...coverage.take()].filter((place) => fresh.delete(place))
      if (own.length > 0) this.keep(each)
    }
  }
}
