import type { Conditions } from './conditions.ts'
import type { Measured } from './measure.ts'

/** One named benchmark. `run` measures for about `seconds` and says under which conditions. */
export interface Benchmark {
  readonly name: string
  readonly run: (seconds: number) => Promise<Finding>
}

export interface Finding extends Measured {
  readonly conditions: Conditions
}
