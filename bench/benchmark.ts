import type { Conditions } from './conditions.ts'
import type { Measured } from './measure.ts'

/** One named benchmark, which measures and says under which conditions. */
export interface Benchmark {
  readonly name: string
  readonly run: (wishes: Wishes) => Promise<Finding>
  /** Runs only when it is named: it takes long. */
  readonly isOnDemand?: true
}

/** What the command line asks of each benchmark. */
export interface Wishes {
  readonly seconds: number
  /** Of the log that `recover` opens. */
  readonly entries: number
  /** Of `flat`. */
  readonly denials: number
  /** What this run has found before, by name. */
  readonly found: ReadonlyMap<string, Finding>
}

export interface Finding extends Measured {
  readonly conditions: Conditions
}

/** As printed: the figures that every name has, and all that else was found among the conditions. */
export function shown(
  { cpuUsPerOp, conditions, ...figures }: Finding,
  machine: Conditions = {},
): Omit<Finding, 'cpuUsPerOp'> {
  return { ...figures, conditions: { ...machine, ...(cpuUsPerOp !== undefined && { cpuUsPerOp }), ...conditions } }
}
