import type { Answer, Call } from '../../provider.ts'
import { familyOf } from './address.ts'
import type { Ground } from './ground.ts'
import { assertAllowed } from './names.ts'
import { planRequest } from './request.ts'
import { findSecrets } from './secrets.ts'
import { Stop } from './stop.ts'
import { parseUrl } from './url.ts'

/**
 * What a dry run can know without sending anything, also without asking for a name, which whoever answers it would see: where a
 * literal address leads, and whether the secrets are there.
 */
export async function foresee(ground: Ground, call: Call): Promise<Answer | undefined> {
  const url = parseUrl(call.resource)
  if ('problem' in url) return undefined
  try {
    await findSecrets(planRequest(url, call.params), ground.secrets, new Map())
    if (familyOf(url.host) !== 0) assertAllowed(url.host, url, call.network, ground)
    return undefined
  } catch (error) {
    if (!(error instanceof Stop)) throw error
    const { code, message, refused, retryable, hint } = error
    if (refused !== undefined) return { refused, message, ...(hint !== undefined && { hint }) }
    return { effect: 'none', error: { code, message, retryable } }
  }
}
