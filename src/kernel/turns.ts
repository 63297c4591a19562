import { Fifo } from '../base/fifo.ts'
import type { Attempt, ParsedRequest } from './attempt.ts'

/**
 * Lets one mutation at a time change a resource of which images are taken: what came between the image and the effect would
 * be lost to an undo. Others wait, in the order in which they came.
 */
export class Turns {
  /** Who waits for each resource that is being changed. */
  readonly #taken: Map<string, Fifo<() => void>> = new Map()

  /** Does `act` when nobody changes any of `resources`. */
  async take<Result>(resources: readonly string[], act: () => Promise<Result>): Promise<Result> {
    // In one order for all: two that want the same two never wait for each other.
    const wanted = resources.length > 1 ? [...new Set(resources)].sort() : resources
    for (const resource of wanted) {
      const waiting = this.#taken.get(resource)
      if (waiting === undefined) this.#taken.set(resource, new Fifo())
      else await new Promise<void>((resolve) => waiting.add(resolve))
    }
    try {
      return await act()
    } finally {
      for (const resource of wanted) this.#leave(resource)
    }
  }

  #leave(resource: string): void {
    const next = this.#taken.get(resource)?.take()
    if (next === undefined) this.#taken.delete(resource)
    else next()
  }
}

/** The resources of which an image will be taken for `attempt`. */
export function imagedBy({ parsed, verdict }: Attempt): readonly string[] {
  const { definition, resources } = parsed as ParsedRequest
  return definition.reversal === undefined || verdict?.obligations.undo === 'off' ? [] : resources
}
