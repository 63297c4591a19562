import type { JsonObject } from '../base/json.ts'
import type { ActionDefinition } from '../effects/provider.ts'
import { usage } from './typed-request.ts'
import { providersOfCli } from './cli-providers.ts'

/** The definition of an action that this command line can carry out; undefined for those of other applications. */
export function definitionOf(action: string): ActionDefinition | undefined {
  return providersOfCli().find(({ actions }) => Object.hasOwn(actions, action))?.actions[action]
}

/**
 * What policy is asked about for a request: the canonical resource, and those in its params. For an action that is not known
 * here the resource as it was written.
 *
 * @throws KernelError USAGE_INVALID for a resource that the gate would not take
 */
export function resourcesOf(action: string, resource: string, params: JsonObject): readonly string[] {
  const definition = definitionOf(action)
  if (definition === undefined) return [resource]
  const readings = [definition.readResource(resource), ...(definition.otherResources?.(params) ?? [])]
  return readings.map((reading) => {
    if ('problem' in reading) throw usage(reading.problem)
    return reading.canonical
  })
}
