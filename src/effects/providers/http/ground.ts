import type { SecureContext } from 'node:tls'
import type { Capacity } from './capacity.ts'
import type { SecretSource } from './secrets.ts'

/** Every address of a name, as text: `93.184.216.34`, `2606:2800:21f::1`. Rejects, or gives none, where it has none. */
export type Resolve = (host: string) => Promise<readonly string[]>

/** What all requests of one provider stand on. */
export interface Ground {
  readonly resolve: Resolve
  readonly secrets: SecretSource | undefined
  /** Ports on which Kestrel itself listens, on any address of this machine. */
  readonly ownPorts: ReadonlySet<number>
  readonly capacity: Capacity
  /** Whom TLS trusts. */
  readonly trust: () => SecureContext
  /** Aborted when the provider closes: what is under way ends. */
  readonly closing: () => AbortSignal
}
