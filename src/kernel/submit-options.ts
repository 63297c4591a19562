import type { Clock } from '../base/clock.ts'
import { KernelError } from '../base/errors.ts'
import type { Progress } from '../effects/provider.ts'
import { isAborted } from './asker/abort-watch.ts'
import { Asker } from './asker/asker.ts'

/** How a caller stays with its request. Neither is part of what is decided or written. */
export interface SubmitOptions {
  /**
   * Cancels the attempt. Where nothing has begun yet it ends `failed`, `cancelled`, and nothing happens. What is under way is told
   * to stop: what it answers within two seconds counts; else a mutation ends `unknown`, since nobody can tell.
   *
   * A retry that joins an attempt under the same idempotency key gets its answer, and cancels nothing.
   */
  readonly signal?: AbortSignal | undefined
  /**
   * Told how far the action is, at most ten times a second, the last time before the answer and never after it. What it throws is
   * dropped. `message` is a provider's text, perhaps of somebody else's making: make it `visible` before a person sees it.
   */
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

/** Who asks, if they want more than the answer. @throws KernelError OPTIONS_INVALID */
export function readAsker(options: SubmitOptions, clock: Clock): Asker | undefined {
  const { signal, onProgress } = readMembers(options)
  if (signal === undefined && onProgress === undefined) return undefined
  return new Asker(signal, onProgress, clock)
}

/** Each member is read once: a getter must not give the check one signal and the attempt another. */
function readMembers(options: unknown): SubmitOptions {
  if (typeof options !== 'object' || options === null) throw wrong('the options of `submit` must be an object')
  const { signal, onProgress, ...others } = copyOf(options)
  if (Object.keys(others).length > 0) throw wrong('`submit` takes the options `signal` and `onProgress`')
  if (signal !== undefined && !isSignal(signal)) throw wrong('`signal` must be an `AbortSignal`')
  if (onProgress !== undefined && typeof onProgress !== 'function') throw wrong('`onProgress` must be a function')
  return { signal, onProgress }
}

function copyOf(options: SubmitOptions): SubmitOptions {
  try {
    return { ...options }
  } catch {
    throw wrong('the options of `submit` cannot be read: one of them throws')
  }
}

function isSignal(value: unknown): boolean {
  try {
    isAborted(value as AbortSignal)
    return true
  } catch {
    return false
  }
}

function wrong(why: string): KernelError<'OPTIONS_INVALID'> {
  return new KernelError('OPTIONS_INVALID', why)
}
