import { truncateSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { limits } from '../../src/base/limits.ts'
import { aHost, entriesOf, failing, reading } from './a-host.ts'

describe('fs.read', () => {
  test('gives text with its size in bytes', async () => {
    using host = aHost({ 'w/a.txt': 'grüße\r\n', 'w/empty': '', 'w/bom': '\ufeffx' })
    expect(await host.act('fs.read', '/w/a.txt')).toEqual(reading('grüße\r\n'))
    expect(await host.act('fs.read', '/w/empty')).toEqual(reading(''))
    expect(await host.act('fs.read', '/w/bom', { encoding: 'utf8' })).toEqual(reading('\ufeffx'))
  })

  test('gives bytes as base64, and says so when they are not text', async () => {
    const bytes = Buffer.from([0xff, 0x00, 0xfe])
    using host = aHost({ 'w/logo.png': bytes })
    expect(await host.act('fs.read', '/w/logo.png', { encoding: 'base64' })).toEqual({
      effect: 'done',
      result: { content: bytes.toString('base64'), encoding: 'base64', sizeBytes: 3 },
    })
    const answer = await host.act('fs.read', '/w/logo.png')
    expect(answer).toMatchObject(failing('not_text'))
    expect(JSON.stringify(answer)).toContain('`base64`')
  })

  test.each([
    ['an overlong form', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['a lone continuation', [0x61, 0x80]],
    ['a cut character at the end', [0x61, 0xe2, 0x82]],
  ])('%s is not text', async (_, bytes) => {
    using host = aHost({ 'w/a': Buffer.from(bytes) })
    expect(await host.act('fs.read', '/w/a')).toMatchObject(failing('not_text'))
  })

  test('gives parts that end with whole characters and join to the file', async () => {
    const content = 'aé€😀'.repeat(50)
    using host = aHost({ 'w/a': content })
    for (const limit of [4, 5, 6, 7, 64]) {
      let joined = ''
      let offset: number | undefined = 0
      while (offset !== undefined) {
        const answer = await host.act('fs.read', '/w/a', { offset, limit })
        const { result } = answer as unknown as { result: { content: string; sizeBytes: number; nextOffset?: number } }
        expect(result.sizeBytes).toBe(500)
        expect(Buffer.byteLength(result.content)).toBeLessThanOrEqual(limit)
        joined += result.content
        offset = result.nextOffset
      }
      expect(joined).toBe(content)
    }
  })

  test('tells apart an offset within a character, a limit within one, and an offset past the end', async () => {
    using host = aHost({ 'w/a': '€€' })
    expect(JSON.stringify(await host.act('fs.read', '/w/a', { offset: 1 }))).toContain('`offset` is not at the start')
    expect(JSON.stringify(await host.act('fs.read', '/w/a', { limit: 2 }))).toContain('at least 4 bytes')
    expect(await host.act('fs.read', '/w/a', { offset: 9 })).toEqual({
      effect: 'done',
      result: { content: '', encoding: 'utf8', sizeBytes: 6 },
    })
  })

  test('a huge sparse file is refused whole and given in parts', async () => {
    using host = aHost({ 'w/huge': '' })
    truncateSync(host.path('w/huge'), 2 ** 40)
    const whole = await host.act('fs.read', '/w/huge')
    expect(whole).toMatchObject(failing('too_large'))
    expect(JSON.stringify(whole)).toMatch(/1099511627776 bytes.*`offset` and `limit`/)
    expect(await host.act('fs.read', '/w/huge', { offset: 2 ** 40 - 2, encoding: 'base64' })).toMatchObject({
      effect: 'done',
      result: { content: 'AAA=' },
    })
    expect(await host.act('fs.read', '/w/huge', { offset: 5, limit: 1, encoding: 'base64' })).toMatchObject({
      result: { content: 'AA==', nextOffset: 6, sizeBytes: 2 ** 40 },
    })
  })

  test('the largest file that fits comes whole, one byte more does not', async () => {
    using host = aHost({
      'w/fits': Buffer.alloc(limits.readBytes, 'a'),
      'w/not': Buffer.alloc(limits.readBytes + 1, 'a'),
    })
    expect(await host.act('fs.read', '/w/fits')).toEqual(reading('a'.repeat(limits.readBytes)))
    expect(await host.act('fs.read', '/w/not')).toMatchObject(failing('too_large'))
  })

  test('a large read stops when it is cancelled', async () => {
    using host = aHost({ 'w/a': Buffer.alloc(4_000_000) })
    const cancel = new AbortController()
    const pending = host.act('fs.read', '/w/a', {}, { signal: cancel.signal })
    cancel.abort()
    expect(await pending).toMatchObject(failing('cancelled'))
  })

  test('failures are named, without the place on the host', async () => {
    using host = aHost({ 'w/a.txt': 'x', 'w/d/b.txt': 'x' })
    const table = [
      ['fs.read', '/w/none', 'not_found'],
      ['fs.read', '/w/none/x', 'not_found'],
      ['fs.read', '/w/d', 'is_directory'],
      ['fs.read', '/w', 'is_directory'],
      ['fs.read', '/w/a.txt/x', 'not_directory'],
      ['fs.list', '/w/a.txt', 'not_directory'],
      ['fs.stat', '/w/none', 'not_found'],
    ] as const
    for (const [action, path, code] of table) {
      const answer = await host.act(action, path)
      expect(answer).toMatchObject(failing(code))
      expect(await host.foresee(action, path)).toEqual(answer)
      expect(JSON.stringify(answer)).not.toContain(host.root)
      expect(JSON.stringify(answer)).not.toContain('/proc/')
    }
    expect(await host.foresee('fs.read', '/w/a.txt')).toBeUndefined()
  })

  test.each([
    [{ encoding: 'UTF8' }, '`encoding` must be `utf8` or `base64`'],
    [{ encoding: true }, '`encoding` must be `utf8` or `base64`'],
    [{ offset: -1 }, '`offset` must be an integer'],
    [{ offset: 1.5 }, '`offset` must be an integer'],
    [{ offset: '1' }, '`offset` must be an integer'],
    [{ limit: 0 }, '`limit` must be an integer from 1'],
    [{ limit: limits.readBytes + 1 }, '`limit` must be an integer from 1'],
    [{ encoding: null }, '`encoding` must be'],
    [{ maxBytes: 1 }, '`maxBytes` is not a param'],
    [JSON.parse('{"__proto__": 1}'), '`__proto__` is not a param'],
    [{ 'x\u001b[31m': 1 }, 'a name that is not written with letters'],
  ])('params %j are wrong', async (params, why) => {
    using host = aHost({ 'w/a.txt': 'x' })
    expect(await host.act('fs.read', '/w/a.txt', params)).toEqual({ invalid: expect.stringContaining(why) as string })
  })
})

describe('fs.list', () => {
  test('is sorted, typed, and stops at the limit', async () => {
    using host = aHost({ 'w/b': '', 'w/a/x': '', 'w/B': '' })
    expect(await host.act('fs.list', '/w')).toEqual({
      effect: 'done',
      result: {
        entries: [
          { name: 'B', type: 'file' },
          { name: 'a', type: 'directory' },
          { name: 'b', type: 'file' },
        ],
      },
    })
    for (let i = 0; i <= limits.listEntries; i++) writeFileSync(host.path(`w/a/${i}`), '')
    const answer = await host.act('fs.list', '/w/a')
    expect(entriesOf(answer)).toHaveLength(limits.listEntries)
    expect(answer).toMatchObject({ result: { truncated: true } })
  })
})

describe('fs.stat', () => {
  test('tells type, size and whole milliseconds', async () => {
    using host = aHost({ 'w/a': 'xyz' })
    expect(await host.act('fs.stat', '/w/a')).toEqual({
      effect: 'done',
      result: { type: 'file', sizeBytes: 3, modifiedMs: expect.toSatisfy(Number.isSafeInteger) as number },
    })
    expect(await host.act('fs.stat', '/w')).toMatchObject({ result: { type: 'directory' } })
  })
})
