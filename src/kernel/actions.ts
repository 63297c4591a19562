import { KernelError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import { actionName, type ActionDefinition, type Provider } from '../effects/provider.ts'

/** All actions of all providers by name. @throws KernelError PROVIDER_INVALID for a malformed or doubled one */
export function tableOfActions(providers: readonly Provider[]): ReadonlyMap<string, ActionDefinition> {
  const table = new Map<string, ActionDefinition>()
  for (const provider of providers) {
    if (typeof provider?.name !== 'string' || !isObject(provider.actions)) {
      throw new KernelError('PROVIDER_INVALID', 'a provider must have a `name` and `actions`')
    }
    for (const [name, definition] of Object.entries(provider.actions)) {
      const problem = problemWith(name, definition, table)
      if (problem !== undefined)
        throw new KernelError('PROVIDER_INVALID', `\`${name}\` of \`${provider.name}\` ${problem}`)
      table.set(name, definition)
    }
  }
  return table
}

/** What the providers keep on this machine, for the protection. */
export function placesOf(providers: readonly Provider[]): readonly string[] {
  return providers.flatMap(({ ownPlaces = [] }) => ownPlaces)
}

function problemWith(
  name: string,
  definition: ActionDefinition,
  table: ReadonlyMap<string, ActionDefinition>,
): string | undefined {
  if (!actionName.test(name) || name.length > limits.actionLength) return 'is not a name like `fs.read`'
  if (!isObject(definition)) return 'must be an object'
  if (table.has(name)) return 'is an action of another provider too'
  if (definition.kind !== 'observe' && definition.kind !== 'mutate') return 'must be of kind `observe` or `mutate`'
  if (typeof definition.perform !== 'function' || typeof definition.readResource !== 'function') {
    return 'must have `readResource` and `perform`'
  }
  const { timeoutMs, tier } = definition
  // No entry could say that another one ran it.
  if (tier !== undefined && tier !== 'host' && tier !== 'jail') return 'must have the `tier` `host` or `jail`, or none'
  if (timeoutMs !== undefined && !(timeoutMs > 0 && timeoutMs <= limits.timerMs))
    return `must have a \`timeoutMs\` above 0 and at most ${limits.timerMs}`
  return undefined
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}
