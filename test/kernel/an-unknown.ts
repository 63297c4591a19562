import { functions } from 'kestrel-kernel/providers'
import type { Provider } from '../../src/effects/provider.ts'
import { systemClock } from '../../src/base/clock.ts'
import type { Upkeep } from '../../src/kernel/upkeep.ts'
import { aWorld, type World } from '../world.ts'

/** A provider whose `test.act` answers as `answer` says, and counts. */
export function acting(answer: () => 'done' | 'uncertain'): { readonly provider: Provider; calls(): number } {
  let calls = 0
  const provider: Provider = {
    name: 'test',
    actions: {
      'test.act': {
        kind: 'mutate',
        readResource: (text) => ({ canonical: text }),
        perform() {
          calls++
          if (answer() === 'done') return { effect: 'done', result: { calls } }
          return { effect: 'uncertain', error: { code: 'line_lost', message: 'the line went dead', retryable: false } }
        },
      },
    },
  }
  return { provider, calls: () => calls }
}

/** A world in which each `test.act` ends as `answer` says, and each `fn.look` well. */
export async function anUncertainWorld(
  answer: () => 'done' | 'uncertain' = () => 'uncertain',
): Promise<{ readonly world: World; readonly places: Upkeep; calls(): number }> {
  const { provider, calls } = acting(answer)
  const world = await aWorld({
    policy: { allow: [{ action: '**', resource: '**' }], deny: [{ action: '**', resource: 'forbidden' }] },
    kernel: { providers: [provider, functions({ look: () => 'seen' })] },
  })
  return { world, calls, places: { dataDir: world.dataDir, keysDir: world.keysDir, clock: systemClock } }
}
