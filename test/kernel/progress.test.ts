import type { Outcome, Progress } from 'kestrel-kernel'
import { functions, type ActionDefinition, type Answer, type Call, type Provider } from 'kestrel-kernel/providers'
import { describe, expect, test } from 'vitest'
import { limits } from '../../src/base/limits.ts'
import { guards } from '../guards.ts'
import { aWorld, canary, type World } from '../world.ts'

const done: Answer = { effect: 'done' }
const act = { action: 'test.act', resource: 'x' }

function provider(perform: ActionDefinition['perform'], more: Partial<ActionDefinition> = {}): Provider {
  const readResource = (raw: string): { canonical: string } => ({ canonical: raw })
  return { name: 'test', actions: { 'test.act': { kind: 'observe', readResource, perform, ...more } } }
}

/** A clock that stands until it is moved. */
function aStill(): { now: () => number; monotonicMs: () => number; moveMs: (by: number) => void } {
  let ms = 1_800_000_000_000
  return { now: () => ms, monotonicMs: () => ms, moveMs: (by) => void (ms += by) }
}

function worldWith(provider: Provider, clock?: { now: () => number; monotonicMs: () => number }): Promise<World> {
  const policy = { allow: [{ action: '**', resource: '**' }] }
  return aWorld({ policy, kernel: { providers: [provider], ...(clock && { clock }) } })
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** What a listener heard, in order, with the outcome where it came. */
async function heard(
  world: World,
  listen: (progress: Progress) => unknown = () => undefined,
): Promise<(Progress | Outcome['status'])[]> {
  const all: (Progress | Outcome['status'])[] = []
  const onProgress = (progress: Progress): unknown => (all.push(progress), listen(progress))
  await world.kernel.submit(act, { onProgress }).then(({ status }) => all.push(status))
  await turn()
  return all
}

describe('progress', () => {
  test.each(['observe', 'mutate'] as const)('of what a provider does comes before the outcome: %s', async (kind) => {
    const clock = aStill()
    const perform = async ({ report }: Call): Promise<Answer> => {
      for (let at = 1; at <= 3; at++) {
        report({ done: at, total: 3, message: `part ${at}` })
        await turn()
        clock.moveMs(limits.progressMs)
      }
      return done
    }
    await using world = await worldWith(provider(perform, { kind }), clock)
    expect(await heard(world)).toEqual([
      { done: 1, total: 3, message: 'part 1' },
      { done: 2, total: 3, message: 'part 2' },
      { done: 3, total: 3, message: 'part 3' },
      'ok',
    ])
  })

  test('in a flood is told once in a while, and the last one for sure', async () => {
    const clock = aStill()
    const perform = async ({ report }: Call): Promise<Answer> => {
      for (let at = 0; at < 100_000; at++) report({ done: at })
      await turn()
      for (let at = 0; at < 100_000; at++) report({ done: 100_000 + at })
      return done
    }
    await using world = await worldWith(provider(perform), clock)
    expect(await heard(world)).toEqual([{ done: 99_999 }, { done: 199_999 }, 'ok'])
  })

  test('comes no oftener than it may', async () => {
    const perform = async ({ report }: Call): Promise<Answer> => {
      for (let at = 0; at < 200; at++) {
        report({ done: at })
        await turn()
      }
      return done
    }
    await using world = await worldWith(provider(perform))
    const startedMs = performance.now()
    const all = await heard(world)
    const intervals = Math.ceil((performance.now() - startedMs) / limits.progressMs)
    expect(all.length).toBeLessThanOrEqual(intervals + 3)
    expect(all.slice(-2)).toEqual([{ done: 199 }, 'ok'])
  })

  test('that came too soon is told when its time has come, though nothing follows', async () => {
    const told = Promise.withResolvers<void>()
    const perform = async ({ report }: Call): Promise<Answer> => {
      report({ done: 1 })
      await turn()
      report({ done: 2 })
      await told.promise
      return done
    }
    await using world = await worldWith(provider(perform))
    const listen = ({ done: at }: Progress): void => (at === 2 ? told.resolve() : undefined)
    expect(await heard(world, listen)).toEqual([{ done: 1 }, { done: 2 }, 'ok'])
  })

  test('of an answer at once is told too', async () => {
    const perform = ({ report }: Call): Answer => (report({ done: 1 }), done)
    await using world = await worldWith(provider(perform))
    expect(await heard(world)).toEqual([{ done: 1 }, 'ok'])
  })

  test('is told while the provider waits, not inside it', async () => {
    const inside: boolean[] = []
    let isInside = false
    const perform = async ({ report }: Call): Promise<Answer> => {
      isInside = true
      report({ done: 1 })
      isInside = false
      await turn()
      return done
    }
    await using world = await worldWith(provider(perform))
    await heard(world, () => inside.push(isInside))
    expect(inside).toEqual([false])
  })

  test('of a function', async () => {
    const all: Progress[] = []
    const provider = functions({ copy: (_: object, { report }) => report({ done: 7, total: 9 }) })
    await using world = await worldWith(provider)
    await world.kernel.submit({ action: 'fn.copy' }, { onProgress: (progress) => void all.push(progress) })
    expect(all).toEqual([{ done: 7, total: 9 }])
  })

  test('that nobody wants costs the provider nothing', async () => {
    const perform = ({ report }: Call): Answer => (report({ done: 1 }), report(null as never), done)
    await using world = await worldWith(provider(perform))
    expect(await world.kernel.submit(act)).toMatchObject({ status: 'ok' })
    expect(await world.kernel.submit(act, { signal: new AbortController().signal })).toMatchObject({ status: 'ok' })
  })
})

describe('what a provider reports', () => {
  guards('GATE-09')

  const malformed: readonly unknown[] = [
    undefined, null, 5, 'x', [], {}, { done: -1 }, { done: Number.NaN }, { done: Infinity }, { done: '1' }, { done: 1n },
    { done: 1, total: -1 }, { done: 1, total: null }, { done: 1, message: 5 }, { done: 1, message: { canary } },
    { get done() { throw new Error(canary) } },
  ] // prettier-ignore

  test('is dropped where it is malformed, and harms nothing', async () => {
    const perform = ({ report }: Call): Answer => {
      report({ done: 1 })
      for (const wrong of malformed) report(wrong as Progress)
      return done
    }
    await using world = await worldWith(provider(perform))
    expect(await heard(world)).toEqual([{ done: 1 }, 'ok'])
    expect(await world.attempts()).toMatchObject([{ outcome: { status: 'ok' } }])
  })

  test.each<[string, string, string]>([
    ['a long message', 'x'.repeat(5000), 'x'.repeat(limits.progressBytes)],
    ['the longest text there can be', 'x'.repeat(536_870_888), 'x'.repeat(limits.progressBytes)],
    ['whole characters', `${'x'.repeat(limits.progressBytes - 1)}€`, 'x'.repeat(limits.progressBytes - 1)],
    ['one that just fits', '€'.repeat(341), '€'.repeat(341)],
    ['a lone surrogate', 'a\ud800', 'a\ufffd'],
    ['an escape, for the caller to make visible', '\u001b[31m', '\u001b[31m'],
  ])('is cut and clean: %s', async (_, message, expected) => {
    await using world = await worldWith(provider(({ report }) => (report({ done: 1, message }), done)))
    const [progress] = await heard(world)
    expect((progress as Progress).message === expected).toBe(true)
  })

  test('is a copy of what was known then, without anything besides', async () => {
    const perform = ({ report }: Call): Answer => {
      const mine = { done: 1, secret: canary }
      report(mine)
      mine.done = 2
      return done
    }
    await using world = await worldWith(provider(perform))
    const [progress] = await heard(world)
    expect(progress).toEqual({ done: 1 })
    expect(progress).toSatisfy(Object.isFrozen)
  })

  test.each<[string, (call: Call) => Answer | Promise<Answer>]>([
    ['after its answer', ({ report }) => (setImmediate(() => report({ done: 2 })), report({ done: 1 }), done)],
    [
      'a moment after its answer',
      async ({ report }) => {
        report({ done: 1 })
        await turn()
        setTimeout(() => report({ done: 2 }), 1)
        return done
      },
    ],
  ])('%s is not told', async (_, perform) => {
    await using world = await worldWith(provider(perform))
    const all = await heard(world)
    await turn()
    expect(all).toEqual([{ done: 1 }, 'ok'])
  })

  test('after its time was up is not told', async () => {
    const late = Promise.withResolvers<void>()
    const perform = async ({ report }: Call): Promise<Answer> => {
      report({ done: 1 })
      await late.promise
      report({ done: 2 })
      return done
    }
    await using world = await worldWith(provider(perform, { timeoutMs: 20 }))
    const all = await heard(world)
    late.resolve()
    await turn()
    expect(all).toEqual([{ done: 1 }, 'failed'])
  })
})

describe('a listener', () => {
  guards('GATE-09')

  test.each<[string, (progress: Progress) => unknown]>([
    [
      'that throws',
      () => {
        throw new Error(canary)
      },
    ],
    ['that rejects', () => Promise.reject(new Error(canary))],
    [
      'that returns what throws when it is waited for',
      () => ({
        get then(): never {
          throw new Error(canary)
        },
      }),
    ],
    ['that never ends', () => new Promise(() => undefined)],
  ])('%s harms nothing', async (_, listen) => {
    const unhandled: unknown[] = []
    const noted = (reason: unknown): void => void unhandled.push(reason)
    process.on('unhandledRejection', noted)
    await using world = await worldWith(provider(async ({ report }) => (report({ done: 1 }), await turn(), done)))
    expect(await heard(world, listen)).toEqual([{ done: 1 }, 'ok'])
    await turn()
    process.off('unhandledRejection', noted)
    expect(unhandled).toEqual([])
    expect(await world.attempts()).toHaveLength(1)
  })

  test('may cancel', async () => {
    const controller = new AbortController()
    const perform = async ({ report, signal }: Call): Promise<Answer> => {
      report({ done: 1 })
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      return { effect: 'none', error: { code: 'stopped', message: 'it was told to stop', retryable: true } }
    }
    await using world = await worldWith(provider(perform))
    const outcome = await world.kernel.submit(act, {
      signal: controller.signal,
      onProgress: () => controller.abort(),
    })
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'stopped' } })
  })

  test('of a dry run hears nothing of what is only foreseen after its answer', async () => {
    let report: Call['report'] = () => undefined
    const foresee = (call: Call): undefined => void ({ report } = call)
    await using world = await worldWith(provider(() => done, { foresee }))
    const all: Progress[] = []
    await world.kernel.submit({ ...act, dryRun: true }, { onProgress: (progress) => void all.push(progress) })
    report({ done: 1 })
    await turn()
    expect(all).toEqual([])
  })
})
