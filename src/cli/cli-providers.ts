import { filesystem, http, processes, secretsIn } from '../effects/providers/index.ts'
import type { Provider } from '../effects/provider.ts'

/** What the environment says of providers. */
export interface ProviderPlaces {
  /** Absolute. */
  readonly secretsDir?: string | undefined
  readonly jail?: 'auto' | 'always' | 'never' | undefined
}

/** What the command line can do: files, programs and the web. Functions are an application's own. */
export function providersOfCli({ secretsDir, jail }: ProviderPlaces = {}): readonly Provider[] {
  const secrets = secretsDir === undefined ? {} : { secrets: secretsIn(secretsDir) }
  return [filesystem(), processes(jail === undefined ? {} : { jail }), http(secrets)]
}
