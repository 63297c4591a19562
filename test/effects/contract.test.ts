import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  type Dirent,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import {
  filesystem,
  functions,
  type ActionDefinition,
  type Answer,
  type Call,
  type Captured,
  type Imaging,
  type Provider,
  type Reversal,
} from '../../src/effects/providers/index.ts'
import { providerContract, type Sample } from '../../src/effects/providers/contract.ts'
import type { JsonObject } from '../../src/base/json.ts'
import { limits } from '../../src/base/limits.ts'

const folder = mkdtempSync(join(tmpdir(), 'kestrel-contract-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('filesystem() keeps the contract', () => {
  const mounts = new Map([['/w', folder]])
  const world = (): string[] =>
    readdirSync(folder, { withFileTypes: true, recursive: true })
      .map((entry) => join(entry.parentPath, entry.name) + (entry.isFile() ? `: ${textOf(entry)}` : '/'))
      .sort()
  const textOf = ({ parentPath, name }: Dirent): string => readFileSync(join(parentPath, name), 'utf8')
  const at = { mounts, world, touchesFiles: true }
  const samples = {
    'fs.read': { ...at, resource: '/w/a.txt', params: { encoding: 'utf8', offset: 0, limit: 9 } },
    'fs.write': {
      ...at,
      resource: '/w/a.txt',
      params: { content: 'bmV3', encoding: 'base64', parents: true },
      disturb: () => writeFileSync(join(folder, 'a.txt'), 'another'),
    },
    'fs.list': { ...at, resource: '/w' },
    'fs.stat': { ...at, resource: '/w/a.txt' },
    'fs.append': {
      ...at,
      resource: '/w/a.txt',
      params: { content: 'bmV3', encoding: 'base64', parents: true },
      disturb: () => appendFileSync(join(folder, 'a.txt'), 'more'),
    },
    'fs.delete': {
      ...at,
      resource: '/w/a.txt',
      params: { recursive: true },
      disturb: () => writeFileSync(join(folder, 'a.txt'), 'another'),
    },
    'fs.move': {
      ...at,
      resource: '/w/d',
      params: { to: '/w/e', overwrite: true },
      disturb: () => writeFileSync(join(folder, 'e/in/b.txt'), 'another'),
    },
    'fs.mkdir': {
      ...at,
      resource: '/w/f/g',
      params: { parents: true },
      disturb: () => writeFileSync(join(folder, 'f/g/x'), 'another'),
    },
  }
  const make = (): Provider => {
    for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true })
    writeFileSync(join(folder, 'a.txt'), 'old')
    mkdirSync(join(folder, 'd/in'), { recursive: true })
    writeFileSync(join(folder, 'd/in/b.txt'), 'old')
    return filesystem()
  }
  test.each([...providerContract(make, samples)])('$name', ({ run }) => expect(run()).resolves.toBeUndefined())
})

describe('functions() keeps the contract', () => {
  const make = (): Provider => functions({ search: { kind: 'observe', run: () => ['x'] }, send: async () => undefined })
  const samples = { 'fn.search': { resource: 'search' }, 'fn.send': { resource: 'send', params: { to: 'eve' } } }
  test.each([...providerContract(make, samples)])('$name', ({ run }) => expect(run()).resolves.toBeUndefined())
})

const done: Answer = { effect: 'done' }
const nothing: Answer = { effect: 'none', error: { code: 'cancelled', message: 'it was cancelled', retryable: true } }

/** Whether it was aborted before a moment had passed. */
function untilAborted(signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(true), { once: true })
    setTimeout(() => resolve(false), 20)
  })
}

function reporting(progress: unknown): object {
  return { perform: ({ report }: Call) => (report(progress as never), done) }
}

describe('the contract catches a provider', () => {
  let world = 0
  const good: ActionDefinition = {
    kind: 'observe',
    readResource: (raw) => (/^[a-z]+$/.test(raw) ? { canonical: raw } : { problem: 'not a name' }),
    checkParams: (params) => (Object.keys(params).every((name) => name === 'n') ? undefined : 'only `n` is a param'),
    foresee: () => undefined,
    perform: ({ protection }) =>
      protection.coversPath('/') ? { refused: 'self_protected', message: 'no' } : { effect: 'done', result: { n: 1 } },
  }
  const sample: Sample = { resource: 'thing', params: { n: 1 }, touchesFiles: true, world: () => world }
  const broken = async (change: object, action = 'kv.get'): Promise<string[]> => {
    const failures: string[] = []
    const make = (): Provider => ({ name: 'kv', actions: { [action]: { ...good, ...change } } })
    for (const { run } of providerContract(make, { [action]: sample })) {
      await run().catch((error: unknown) => failures.push((error as Error).message))
    }
    return failures
  }

  test('but not one that keeps it', async () => {
    expect(await broken({})).toEqual([])
  })

  test.each<[string, object, string]>([
    [
      'that gives no canonical form',
      { readResource: (raw: string) => ({ canonical: raw.trim() }) },
      'empty canonical form',
    ],
    [
      'whose canonical form is not settled',
      { readResource: (raw: string) => ({ canonical: `/${raw}` }) },
      'another canonical form',
    ],
    ['that throws at a resource', { readResource: (raw: string) => ({ canonical: new URL(raw).href }) }, 'Invalid URL'],
    [
      'that repeats a resource',
      { readResource: (raw: string) => (raw === 'thing' ? { canonical: raw } : { problem: `bad: ${raw}` }) },
      'repeats the text',
    ],
    ['that lets unknown params through', { checkParams: () => undefined }, 'unknown param is let through'],
    [
      'that repeats params',
      { checkParams: (p: object) => (JSON.stringify(p) === '{"n":1}' ? undefined : JSON.stringify(p)) },
      'repeats a value',
    ],
    ['that checks params later', { checkParams: async () => 'no' }, 'refused'],
    ['that acts when it foresees', { foresee: () => void world++ }, 'has changed the world'],
    ['that changes what it observes', { perform: () => (world++, { effect: 'done' }) }, 'an `observe` has changed'],
    ['that answers nothing', { perform: () => undefined }, 'not an object'],
    ['that answers something else', { perform: () => ({ ok: true }) }, 'none of the shapes'],
    ['that answers what is not JSON', { perform: () => ({ effect: 'done', result: new Date() }) }, 'not plain'],
    ['that refuses for no known reason', { perform: () => ({ refused: 'why_not', message: 'x' }) }, 'known reason'],
    [
      'that fails without words',
      { perform: (): Answer => ({ effect: 'none', error: { code: 'x', message: '', retryable: false } }) },
      '`message`',
    ],
    [
      'that never settles',
      {
        timeoutMs: 20,
        perform: ({ signal }: { signal: AbortSignal }) =>
          signal.aborted ? new Promise(() => undefined) : { effect: 'done' },
      },
      'no answer in 20 ms',
    ],
    ['that touches what is protected', { perform: () => ({ effect: 'done' }) }, '`self_protected`'],
    [
      'that begins a mutation though it is cancelled',
      { kind: 'mutate', perform: () => ({ effect: 'done' }) },
      'does not answer `none`',
    ],
    [
      'that says nothing happened, and it did',
      {
        kind: 'mutate',
        perform: ({ signal }: Call) => {
          world++
          return signal.aborted ? nothing : { effect: 'done' }
        },
      },
      'says that nothing happened, but',
    ],
    [
      'that does not stop when it is cancelled while it runs',
      {
        perform: ({ signal }: Call) =>
          signal.aborted
            ? nothing
            : untilAborted(signal).then((aborted) => (aborted ? new Promise(() => undefined) : done)),
      },
      `no answer in ${limits.cancelGraceMs} ms`,
    ],
    [
      'that stops half way and says that nothing happened',
      {
        kind: 'mutate',
        perform: ({ signal }: Call) =>
          signal.aborted ? nothing : untilAborted(signal).then((aborted) => (world++, aborted ? nothing : done)),
      },
      'says that nothing happened, but',
    ],
    ['that reports nonsense', reporting(null), 'must be an object'],
    ['that reports less than nothing', reporting({ done: -1 }), 'finite and not negative'],
    ['that reports no number', reporting({ done: 1, total: Number.NaN }), 'finite and not negative'],
    ['that reports a book', reporting({ done: 1, message: 'x'.repeat(5000) }), 'text of at most'],
    [
      'that reports after its answer',
      { perform: ({ report }: Call) => (setImmediate(() => report({ done: 2 })), done) },
      'after it has answered',
    ],
    ['with a tier that is none', { tier: 'moon' }, '`tier` must be'],
    ['that takes back an observation', { reversal: {} }, 'only a `mutate`'],
    ['that can be taken back, and a sample that cannot tell', { kind: 'mutate', reversal: {} }, 'and `disturb`'],
    ['that waits longer than any timer', { timeoutMs: 2 ** 31 }, 'at most 2147483647'],
    ['of an unknown kind', { kind: 'read' }, '`kind` must be'],
    ['with an odd time', { timeoutMs: 0.5 }, 'positive integer'],
  ])('%s', async (_, change, message) => {
    expect(await broken(change)).toContainEqual(expect.stringContaining(message))
  })

  test('with a name that is none', async () => {
    expect(await broken({}, 'get')).toContainEqual(expect.stringContaining('not a name like'))
  })
})

describe('the contract catches a provider that takes back', () => {
  /** One cell. What stands in it goes to the store of images, as content does that is too large for an image. */
  let cell = ''
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
  const keep = (images: Imaging, text: string): ReturnType<Imaging['keep']> =>
    images.keep(
      (async function* () {
        yield bytes(text)
      })(),
    )
  const was = (image: JsonObject | undefined): string => image?.['was'] as string
  const take = async (images: Imaging, next: string): Promise<Captured> => ({
    image: { was: cell, next, kept: (await keep(images, cell)) as unknown as JsonObject },
  })
  const conflict: Answer = { refused: 'undo_conflict', message: 'it was changed since' }
  const good: Reversal = {
    capture: (_, images) => take(images, 'new'),
    recapture: (image, _, images, force) =>
      cell === image['next'] || force ? take(images, was(image)) : { ending: conflict },
    restore: (image, { image: now }) => {
      if (cell !== now?.['was']) return conflict
      cell = was(image)
      return done
    },
    compare: (image) => (cell === image['next'] ? 'after' : cell === image['was'] ? 'before' : 'neither'),
    amountsTo: () => [{ action: 'kv.put', resource: 'cell' }],
  }
  const perform = ({ signal }: Call): Answer => {
    if (signal.aborted) return nothing
    cell = 'new'
    return done
  }
  const sample: Sample = { resource: 'cell', world: () => cell, disturb: () => void (cell = `${cell}, and more`) }
  const broken = async (reversal: object, changed: Partial<Sample> = {}, more: object = {}): Promise<string[]> => {
    const failures: string[] = []
    const readResource = (raw: string): object => (raw === 'cell' ? { canonical: raw } : { problem: 'not the cell' })
    const make = (): Provider => {
      cell = 'old'
      const definition = { kind: 'mutate', readResource, perform, reversal: { ...good, ...reversal }, ...more }
      return { name: 'kv', actions: { 'kv.put': definition as ActionDefinition } }
    }
    for (const { run } of providerContract(make, { 'kv.put': { ...sample, ...changed } })) {
      await run().catch((error: unknown) => failures.push((error as Error).message))
    }
    return failures
  }

  test('but not one that keeps it', async () => {
    expect(await broken({})).toEqual([])
  })

  test.each<[string, object, string]>([
    [
      'and acts when it takes the image',
      { capture: (call: Call, images: Imaging) => take(images, 'new').finally(() => perform(call)) },
      '`capture` has changed the world',
    ],
    [
      'and gives no plain image',
      { capture: async (_: Call, images: Imaging) => ({ image: { at: new Date(), ...(await take(images, 'new')) } }) },
      'not plain',
    ],
    ['and gives no image of what it can do', { capture: () => ({ unable: 'no time' }) }, 'no image can be taken'],
    ['and ends what it should only look at', { capture: () => ({ ending: nothing }) }, 'ends the action'],
    ['and gives nothing', { capture: () => undefined }, 'no image was taken'],
    [
      'and gives an image of which nothing was kept',
      {
        capture: async (_: Call, images: Imaging) => {
          const kept = await keep(images, cell).catch(() => ({}))
          return { image: { was: cell, next: 'new', kept } }
        },
      },
      'could not be kept',
    ],
    [
      'and acts where nothing can be kept',
      {
        capture: (call: Call, images: Imaging) =>
          keep(images, cell).then(
            () => take(images, 'new'),
            () => (perform(call), { unable: 'nothing can be kept' }),
          ),
      },
      'where nothing could be kept',
    ],
    ['and cannot tell before', { compare: () => 'after' }, 'before the action `compare` says `after`'],
    ['and cannot tell after', { compare: () => 'before' }, 'after the action `compare` says `before`'],
    ['and puts nothing back', { restore: () => done }, 'put back, the world is not as it was'],
    ['and fails to put back', { restore: () => nothing }, 'it is not put back'],
    [
      'and acts when it takes the image of that',
      {
        recapture: (image: JsonObject, _: Call, images: Imaging) =>
          take(images, was(image)).finally(() => void (cell = 'x')),
      },
      '`recapture` has changed the world',
    ],
    [
      'and keeps no image of that',
      { recapture: (image: JsonObject) => ({ image: { was: image['was'] ?? '', next: image['was'] ?? '' } }) },
      'it is not put back',
    ],
    [
      'and cannot put the change back again',
      {
        restore: (image: JsonObject, call: Call) =>
          image['was'] === 'new' ? nothing : (good.restore(image, call, undefined as never) as Answer),
      },
      'not put back again',
    ],
    [
      'and puts another change back',
      {
        restore: (image: JsonObject) => {
          cell = image['was'] === 'new' ? 'newer' : was(image)
          return done
        },
      },
      'put back twice',
    ],
    [
      'and overwrites what others have changed',
      { recapture: (image: JsonObject, _: Call, images: Imaging) => take(images, was(image)) },
      'is not refused as `undo_conflict`',
    ],
    [
      'and spoils what it refuses to put back',
      {
        recapture: (image: JsonObject, call: Call, images: Imaging, force: boolean) =>
          force ? good.recapture(image, call, images, true) : take(images, was(image)),
        restore: (image: JsonObject, { image: now }: Call) => {
          const isConflict = now?.['was'] !== 'new' && image['was'] === 'old'
          cell = isConflict ? 'spoilt' : was(image)
          return isConflict ? conflict : done
        },
      },
      'that was refused has changed the world',
    ],
    [
      'and overwrites what changes at that moment',
      {
        restore: (image: JsonObject) => {
          cell = was(image)
          return done
        },
      },
      'is not refused as `undo_conflict`',
    ],
    [
      'and does not do it by force either',
      { recapture: (image: JsonObject, call: Call, images: Imaging) => good.recapture(image, call, images, false) },
      'not put back by force',
    ],
    [
      'and only says so by force',
      {
        restore: (image: JsonObject, call: Call) =>
          was(call.image).includes('more')
            ? cell === call.image?.['was']
              ? done
              : conflict
            : good.restore(image, call, undefined as never),
      },
      'and nothing changed',
    ],
    [
      'and loses what others had changed',
      {
        recapture: async (image: JsonObject, call: Call, images: Imaging, force: boolean) => {
          const captured = await good.recapture(image, call, images, force)
          return force ? { image: { was: 'new', next: 'old' } } : captured
        },
        restore: (image: JsonObject, call: Call) => {
          if (!cell.includes('more')) return good.restore(image, call, undefined as never)
          if (call.image?.['was'] === 'new' && call.image?.['kept'] !== undefined) return conflict
          cell = was(image)
          return done
        },
      },
      'is lost by force',
    ],
    ['and amounts to nothing', { amountsTo: () => [] }, 'names no step'],
    ['and amounts to no action', { amountsTo: () => [{ action: 'put', resource: 'cell' }] }, 'no action'],
    ['and amounts to no resource', { amountsTo: () => [{ action: 'kv.put', resource: 'else' }] }, 'no resource'],
  ])('%s', async (_, reversal, message) => {
    expect(await broken(reversal)).toContainEqual(expect.stringContaining(message))
  })

  test('and amounts to another spelling of a resource', async () => {
    const readResource = (raw: string): object =>
      /^cell$/i.test(raw) ? { canonical: 'cell' } : { problem: 'not the cell' }
    const amountsTo = (): object[] => [{ action: 'kv.put', resource: 'CELL' }]
    expect(await broken({ amountsTo }, {}, { readResource })).toContainEqual(expect.stringContaining('not canonical'))
  })

  test('though it cannot', async () => {
    const failures = await broken({}, {}, { reversal: undefined })
    expect(failures).toContainEqual(expect.stringContaining('cannot be taken back'))
  })

  test('whose sample fails, changes nothing, or is not disturbed', async () => {
    const fails = { perform: () => nothing }
    expect(await broken({}, {}, fails)).toContainEqual(expect.stringContaining('the sample fails'))
    const idle = { perform: () => done }
    expect(await broken({}, {}, idle)).toContainEqual(expect.stringContaining('the sample changes nothing'))
    const quiet = await broken({}, { disturb: () => undefined })
    expect(quiet).toContainEqual(expect.stringContaining('`disturb` changes nothing'))
  })
})
