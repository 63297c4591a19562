import { isKernelError } from '../../base/errors.ts'
import { exitCodes, exitCodeOfError } from '../exit-code.ts'
import { failureOf } from '../failure.ts'

/** One thing that was looked at. A `note` is worth knowing and needs no act. */
export interface Check {
  /** Scripts find it by this name, which several may have. */
  readonly name: string
  readonly status: 'ok' | 'note' | 'configuration' | 'damage'
  readonly message: string
  /** What to do. */
  readonly next?: string
  /** The file or folder that it is about. */
  readonly file?: string
  /** The entry that it is about. */
  readonly seq?: number
  /** How many there are of what it is about. */
  readonly count?: number
}

/** 0 when nothing needs an act. */
export function worstExit(checks: readonly Check[]): number {
  if (checks.some(({ status }) => status === 'damage')) return exitCodes.unverified
  return checks.some(({ status }) => status === 'configuration') ? exitCodes.usage : exitCodes.ok
}

/** A check that failed by throwing. A bug is thrown on. */
export function failed(name: string, error: unknown): Check {
  const { code, message } = failureOf(error)
  if (code === 'BUG') throw error
  const isDamage = isKernelError(error) && exitCodeOfError(error.code) === exitCodes.unverified
  return { name, status: isDamage ? 'damage' : 'configuration', message }
}
