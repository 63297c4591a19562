import { isJsonObject, type JsonObject } from '../../base/json.ts'
import type { Attempt, ParsedRequest } from '../attempt.ts'
import { asksForResult, fillRequest, type Compensation } from './compensation.ts'
import type { Gate } from '../gate.ts'
import type { KeptImage } from './images.ts'
import { readByDefinition } from '../steps/parse.ts'

/** Stands where the name of an action stands otherwise. Those have a dot. */
const instead = 'compensate'

/** What is kept where no image can be: the request that takes another one back, and what that one was. */
export interface CompensationImage {
  readonly request: Compensation
  readonly action: string
  readonly params: JsonObject
  readonly resource: string
  /** That the rule opened private addresses, to both requests. */
  readonly network?: 'private'
}

/**
 * The request that the rules name for taking back what `attempt` is about to do. What can be known of it before there is a
 * result is known here, so that `undo: required` means something.
 *
 * @returns undefined where no rule names one
 */
export function compensationFor({
  gate,
  verdict,
  parsed,
}: Attempt): KeptImage | { readonly unable: string } | undefined {
  const { compensate: request, network } = verdict?.obligations ?? {}
  if (request === undefined) return undefined
  if (request === 'conflicting') return { unable: 'the rules that allow it name different requests to take it back' }
  const { action, params, resources } = parsed as ParsedRequest
  const image = { request, action, params, resource: resources[0] as string, ...(network !== undefined && { network }) }
  const unable = whyUnable(gate, image)
  return unable === undefined ? { action: instead, image: image as unknown as JsonObject } : { unable }
}

function whyUnable(gate: Gate, { request, params, resource }: CompensationImage): string | undefined {
  const definition = gate.actions.get(request.action)
  if (definition === undefined) return `no provider of this kernel has \`${request.action}\``
  if (definition.kind !== 'mutate') return `\`${request.action}\` changes nothing`
  const filled = fillRequest(request, { params, resource, result: 'pending' })
  if ('problem' in filled) return filled.problem
  if (asksForResult(request)) return undefined
  try {
    const read = readByDefinition(filled.request, definition)
    return 'problem' in read ? `\`${request.action}\` is not asked for so: ${read.problem}` : undefined
  } catch {
    return `the provider of \`${request.action}\` broke its contract`
  }
}

/** The request, if that is what was kept. */
export function compensationIn({ action, image }: KeptImage): CompensationImage | undefined {
  const { request, params, action: first, resource } = image
  const isWhole =
    isJsonObject(request) && isJsonObject(params) && typeof first === 'string' && typeof resource === 'string'
  return action === instead && isWhole ? (image as unknown as CompensationImage) : undefined
}
