import { createKernel, type Kernel } from '../kernel/kernel.ts'
import { providersOfCli } from './cli-providers.ts'
import type { World } from './world.ts'

/** Opens the data directory for `use` and closes it again, also when a signal ends it early. */
export async function withKernel<T>(world: World, use: (kernel: Kernel) => Promise<T>): Promise<T> {
  const { policy, dataDir, keysDir } = world.places
  const kernel = await createKernel({ policy, dataDir, keysDir, providers: providersOfCli(world.places) })
  const { interrupted } = world.terminal
  const close = (): void => void kernel.close()
  interrupted.addEventListener('abort', close, { once: true })
  try {
    if (interrupted.aborted) close()
    return await use(kernel)
  } finally {
    interrupted.removeEventListener('abort', close)
    await kernel.close()
  }
}
