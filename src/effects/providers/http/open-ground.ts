import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls'
import type { Answer, Call } from '../../provider.ts'
import { Capacity } from './capacity.ts'
import { foresee } from './foresee.ts'
import type { Ground } from './ground.ts'
import { travel } from './journey.ts'
import { systemResolve } from './names.ts'
import type { HttpOptions } from './options.ts'

/** Everything of the provider that is loaded only when it is used. */
export interface OpenGround {
  foresee(call: Call): Promise<Answer | undefined>
  travel(call: Call, signal: AbortSignal): Promise<Answer>
}

export function openGround(options: HttpOptions, closing: () => AbortSignal): OpenGround {
  const { secrets, ca, resolve = systemResolve, ownPorts = [] } = options
  let context: SecureContext | undefined
  const ground: Ground = {
    resolve,
    secrets,
    ownPorts: new Set(ownPorts),
    capacity: new Capacity(),
    trust: () => (context ??= contextFor(ca)),
    closing,
  }
  return {
    foresee: (call) => foresee(ground, call),
    travel: (call, signal) => travel(ground, call, signal),
  }
}

/** Read once: it takes as long as a whole request. */
function contextFor(ca: string | undefined): SecureContext {
  return createSecureContext(ca === undefined ? {} : { ca: [...getCACertificates('default'), ca] })
}
