/** What is to be done when a signal is aborted, by whoever waits for that. */
const watched = new WeakMap<AbortSignal, { readonly acts: Set<() => void>; readonly listener: () => void }>()

const { addEventListener, removeEventListener } = EventTarget.prototype
const readAborted = Object.getOwnPropertyDescriptor(AbortSignal.prototype, 'aborted')?.get

/**
 * Whether `signal` is aborted. What a caller put on the object itself is not asked, so that it cannot say two things.
 *
 * @throws TypeError for what is no `AbortSignal`
 */
export function isAborted(signal: AbortSignal): boolean {
  return readAborted?.call(signal) === true
}

/**
 * Does `act` once when `signal` is aborted. One listener serves all who wait for the same signal: a signal looks through its
 * listeners one by one, and warns of many.
 *
 * @returns what ends the watch; with the last one the listener goes
 */
export function watchAbort(signal: AbortSignal, act: () => void): () => void {
  const { acts, listener } = watched.get(signal) ?? beginWatch(signal)
  // Its own, since somebody may watch twice with one function.
  const own = (): void => act()
  acts.add(own)
  return () => {
    if (acts.delete(own) && acts.size === 0) endWatch(signal, listener)
  }
}

function beginWatch(signal: AbortSignal): { acts: Set<() => void>; listener: () => void } {
  const acts = new Set<() => void>()
  const listener = (): void => {
    endWatch(signal, listener)
    for (const act of [...acts]) if (acts.delete(act)) act()
  }
  const watch = { acts, listener }
  watched.set(signal, watch)
  addEventListener.call(signal, 'abort', listener)
  return watch
}

function endWatch(signal: AbortSignal, listener: () => void): void {
  if (watched.get(signal)?.listener === listener) watched.delete(signal)
  removeEventListener.call(signal, 'abort', listener)
}
