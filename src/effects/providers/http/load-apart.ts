/** Where undici and Node's own copy of it keep what carries out the `fetch` of the whole program. */
const dispatchers = [Symbol.for('undici.globalDispatcher.1'), Symbol.for('undici.globalDispatcher.2')] as const

/**
 * Loads what loads undici, and leaves the host program's `fetch` as it was: undici puts itself in its place, which would take a
 * proxy or a test's mock away from it.
 */
export async function loadApart<Module>(load: () => Promise<Module>): Promise<Module> {
  const host = globalThis as Record<symbol, unknown>
  const before = dispatchers.map((name) => host[name])
  try {
    return await load()
  } finally {
    for (const [index, name] of dispatchers.entries()) if (host[name] !== before[index]) host[name] = before[index]
  }
}
