import { randomInt } from 'node:crypto'

const times = Number(process.env['KESTREL_MODEL_TIMES'] ?? '1')
const seed = process.env['KESTREL_MODEL_SEED']
const path = process.env['KESTREL_MODEL_PATH']

/**
 * How long the models run. `KESTREL_MODEL_TIMES=100` runs a hundred times as many sequences, with a new seed each time; a
 * failure prints `seed` and `path`, which `KESTREL_MODEL_SEED` and `KESTREL_MODEL_PATH` take to repeat it.
 */
export const effort: {
  readonly timeoutMs: number
  of(runs: number): { readonly numRuns: number; readonly seed: number; readonly path?: string }
} = {
  timeoutMs: 120_000 * Math.max(1, times),
  of(runs) {
    // The bounded run is the same everywhere; the long one looks elsewhere each time.
    const chosen = seed === undefined ? (times > 1 ? randomInt(2 ** 31) : 20_251_121) : Number(seed)
    return { numRuns: Math.ceil(runs * times), seed: chosen, ...(path !== undefined && { path }) }
  },
}
