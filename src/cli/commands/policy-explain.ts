import { explainQuestion, type Explanation } from '../../authority/policy/index.ts'
import { visible } from '../../base/display.ts'
import type { JsonObject } from '../../base/json.ts'
import { readPolicy } from '../../kernel/policy-source.ts'
import { exitCodes } from '../exit-code.ts'
import { definitionOf, resourcesOf } from '../questions.ts'
import { explanationLines } from '../render/explanation.ts'
import { readAs, readParams } from '../typed-request.ts'
import type { World } from '../world.ts'

export interface PolicyExplainOptions {
  readonly action: string
  readonly resource: string
  readonly param?: readonly string[] | undefined
  readonly params?: string | undefined
  readonly as?: string | undefined
}

/** Says what the policy says of a request, and which rules made it so. Asks nobody else and writes nothing. */
export function policyExplain({ terminal, places }: World, options: PolicyExplainOptions): number {
  const { action, resource } = options
  const principal = readAs(options.as)
  const policy = readPolicy(places.policy)
  const params = readParams(options.param ?? [], options.params, definitionOf(action)?.checkParams) ?? noParams
  const resources = resourcesOf(action, resource, params)
  const explanation = explainQuestion(policy, {
    principal,
    agent: 'local',
    action,
    resources,
    params,
    timeMs: Date.now(),
  })
  if (terminal.isJson) terminal.json(asJson(explanation, action, resources))
  else {
    const asked = `${visible(action)} ${terminal.paint.name(resources.map(visible).join(' and '))} as ${visible(principal.id)}`
    terminal.say(...explanationLines(explanation, asked, terminal.paint))
  }
  return exitCodes.ok
}

function asJson({ verdict, rules, suggestion }: Explanation, action: string, resources: readonly string[]): object {
  const { effect, reason, message, hint, obligations } = verdict
  return {
    action,
    resource: resources[0],
    effect,
    reason: {
      code: reason,
      ...(verdict.rules.length > 0 && { rule: verdict.rules.join(', ') }),
      message,
      ...(hint && { hint }),
    },
    obligations,
    rules,
    ...(suggestion !== undefined && { suggestion }),
  }
}

const noParams: JsonObject = Object.freeze(Object.create(null) as JsonObject)
