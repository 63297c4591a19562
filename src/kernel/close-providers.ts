import { limits } from '../base/limits.ts'
import type { Provider } from '../effects/provider.ts'

/**
 * Lets every provider close, all at once. One that hangs is left behind when its time is up, since the log must still be
 * completed.
 *
 * @throws what the first one that failed threw, after all have ended
 */
export async function closeProviders(providers: readonly Provider[]): Promise<void> {
  const endings = await Promise.allSettled(providers.map(closeInTime))
  for (const ending of endings) if (ending.status === 'rejected') throw ending.reason
}

async function closeInTime(provider: Provider): Promise<void> {
  const { promise: timeIsUp, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, limits.closeMs)
  try {
    await Promise.race([provider.close?.(), timeIsUp])
  } finally {
    clearTimeout(timer)
  }
}
