import { limits } from '../../base/limits.ts'
import { actionName, type ActionDefinition, type Provider } from '../provider.ts'
import { actingCases } from './contract/acting.ts'
import { demand } from './contract/demand.ts'
import { readingCases } from './contract/reading.ts'
import type { ActionCase, ContractCase, Sample } from './contract/sample.ts'
import { reversalCases } from './contract/taking-back.ts'

export { type ContractCase, type Sample } from './contract/sample.ts'

/**
 * What every provider must hold, as cases for any test framework:
 * `for (const { name, run } of providerContract(make, samples)) test(name, run)`.
 *
 * @param makeProvider a fresh provider, in a world where each sample succeeds
 * @param samples by full action name, one for each action
 */
export function providerContract(
  makeProvider: () => Provider | Promise<Provider>,
  samples: Readonly<Record<string, Sample>>,
): readonly ContractCase[] {
  const whole: ContractCase[] = [
    {
      name: 'has a name and well-named actions, each with a sample',
      run: () => using(makeProvider, (it) => declared(it, samples)),
    },
    { name: 'closes', run: () => using(makeProvider, () => undefined) },
  ]
  const each = Object.entries(samples).flatMap(([action, sample]) =>
    casesFor(sample).map(({ name, check }) => ({
      name: `${action}: ${name}`,
      run: () =>
        using(makeProvider, async (provider) => {
          const definition = provider.actions[action]
          demand(definition !== undefined, `the provider has no action \`${action}\``)
          await check({ action, definition, provider, sample })
        }),
    })),
  )
  return [...whole, ...each]
}

function casesFor({ disturb }: Sample): readonly ActionCase[] {
  return [...readingCases, ...actingCases, ...(disturb === undefined ? [] : reversalCases)]
}

function declared(provider: Provider, samples: Readonly<Record<string, Sample>>): void {
  demand(typeof provider.name === 'string' && provider.name !== '', '`name` must be a text')
  const actions = Object.entries(provider.actions)
  demand(actions.length > 0, '`actions` is empty')
  for (const [action, definition] of actions) {
    demand(
      actionName.test(action) && action.length <= limits.actionLength,
      `\`${action}\` is not a name like \`fs.read\``,
    )
    demandFacts(action, definition)
    const sample = Object.hasOwn(samples, action) ? samples[action] : undefined
    demand(sample !== undefined, `\`${action}\` has no sample`)
    const isComplete = sample.world !== undefined && sample.disturb !== undefined
    demand(
      definition.reversal === undefined || isComplete,
      `\`${action}\` can be taken back: its sample needs \`world\` and \`disturb\``,
    )
  }
}

function demandFacts(action: string, { kind, tier, timeoutMs = 1, reversal }: ActionDefinition): void {
  demand(['observe', 'mutate'].includes(kind), `\`${action}\`: \`kind\` must be \`observe\` or \`mutate\``)
  demand(Number.isSafeInteger(timeoutMs) && timeoutMs > 0, `\`${action}\`: \`timeoutMs\` must be a positive integer`)
  demand(timeoutMs <= limits.timerMs, `\`${action}\`: \`timeoutMs\` must be at most ${limits.timerMs}`)
  demand([undefined, 'host', 'jail'].includes(tier), `\`${action}\`: \`tier\` must be \`host\`, \`jail\` or absent`)
  demand(reversal === undefined || kind === 'mutate', `\`${action}\`: only a \`mutate\` can be taken back`)
}

async function using(
  make: () => Provider | Promise<Provider>,
  check: (provider: Provider) => void | Promise<void>,
): Promise<void> {
  const provider = await make()
  try {
    await check(provider)
  } finally {
    await provider.close?.()
  }
}
