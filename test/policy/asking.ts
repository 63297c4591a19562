import { loadPolicy, type CompiledPolicy, type Question, type Verdict } from '../../src/authority/policy/index.ts'
import { snapshot } from '../../src/base/snapshot.ts'
import type { JsonObject } from '../../src/base/json.ts'

export const place = { file: 'policy.yaml', baseDirectory: '/home/op' }

export interface Asking {
  readonly as?: string
  readonly roles?: readonly string[]
  readonly agent?: string
  readonly params?: object
  readonly timeMs?: number
}

export function question(action: string, resource: string | readonly string[], asking: Asking = {}): Question {
  return {
    principal: { id: asking.as ?? 'alice', roles: asking.roles ?? [] },
    agent: asking.agent ?? 'agent-1',
    action,
    resources: typeof resource === 'string' ? [resource] : resource,
    params: snapshot(asking.params ?? {}, 'params') as JsonObject,
    timeMs: asking.timeMs ?? 0,
  }
}

/** Loads a policy of the full shape from the lines after `version: 1`. */
export function policy(body: string): CompiledPolicy {
  return loadPolicy(`version: 1\n${body}`, place)
}

export function ask(
  body: string | CompiledPolicy,
  action: string,
  resource: string | readonly string[],
  asking: Asking = {},
): Verdict {
  const loaded = typeof body === 'string' ? policy(body) : body
  return loaded.decide(question(action, resource, asking))
}
