import { filesystem } from '../effects/providers/index.ts'
import type { Provider } from '../effects/provider.ts'

/** What the command line can do: files. Functions are an application's own. */
export function providersOfCli(): readonly Provider[] {
  return [filesystem()]
}
