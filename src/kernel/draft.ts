import { limits } from '../base/limits.ts'
import type { EntryDraft } from '../evidence/ledger/index.ts'
import type { Attempt } from './attempt.ts'

/** What every entry and intent of this attempt says, whatever becomes of it. */
export function draftOf(attempt: Attempt): EntryDraft {
  const { caller, verdict, parsed, inForce } = attempt
  return {
    kind: 'action',
    agent: caller.agent,
    principal: caller.principal.id,
    ...(attempt.action !== '' && { action: attempt.action }),
    ...(attempt.resource !== '' && { resource: attempt.resource }),
    ...(parsed !== undefined && parsed.displayed.length > 1 && { resources: parsed.displayed }),
    ...(attempt.params !== undefined && { params: attempt.params }),
    ...(verdict !== undefined && {
      policy: inForce.seq,
      decision: {
        effect: verdict.effect,
        reason: verdict.reason,
        ...(verdict.rules.length > 0 && { rules: verdict.rules.slice(0, limits.rulesPerEntry) }),
      },
    }),
    ...(attempt.key !== undefined && { key: attempt.key }),
    ...(verdict?.class !== undefined && { class: verdict.class }),
  }
}
