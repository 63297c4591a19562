import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync, type Dirent } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import {
  filesystem,
  functions,
  type ActionDefinition,
  type Answer,
  type Provider,
} from '../../src/effects/providers/index.ts'
import { providerContract, type Sample } from '../../src/effects/providers/contract.ts'

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
    'fs.write': { ...at, resource: '/w/a.txt', params: { content: 'bmV3', encoding: 'base64', parents: true } },
    'fs.list': { ...at, resource: '/w' },
    'fs.stat': { ...at, resource: '/w/a.txt' },
    'fs.append': { ...at, resource: '/w/a.txt', params: { content: 'bmV3', encoding: 'base64', parents: true } },
    'fs.delete': { ...at, resource: '/w/d', params: { recursive: true } },
    'fs.move': { ...at, resource: '/w/d', params: { to: '/w/e', overwrite: true } },
    'fs.mkdir': { ...at, resource: '/w/f/g', params: { parents: true } },
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
    ['of an unknown kind', { kind: 'read' }, '`kind` must be'],
    ['with an odd time', { timeoutMs: 0.5 }, 'positive integer'],
  ])('%s', async (_, change, message) => {
    expect(await broken(change)).toContainEqual(expect.stringContaining(message))
  })

  test('with a name that is none', async () => {
    expect(await broken({}, 'get')).toContainEqual(expect.stringContaining('not a name like'))
  })
})
