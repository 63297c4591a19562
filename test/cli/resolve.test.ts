import { describe, expect, test } from 'vitest'
import { createKernel } from 'kestrel-kernel'
import { guards } from '../guards.ts'
import { acting } from '../kernel/an-unknown.ts'
import { aPlace, canary, ended, lineFrom, type Place } from './a-place.ts'

const policy = { version: 1, allow: [{ action: '**', resource: '**' }] }

/** A place whose log has an attempt that ended well (entry 2) and one that ended unknown (3). */
async function aPlaceWithAnUnknown(): Promise<Place> {
  const place = aPlace()
  const answers = ['done', 'uncertain'] as const
  let next = 0
  const { provider } = acting(() => answers[next++] ?? 'done')
  const places = { dataDir: place.path('.kestrel'), keysDir: place.path('keys') }
  const kernel = await createKernel({ policy, ...places, providers: [provider] })
  await kernel.submit({ action: 'test.act', resource: 'x' })
  await kernel.submit({ action: 'test.act', resource: 'y', idempotencyKey: 'k' })
  await kernel.close()
  return place
}

const settle = ['resolve', '3', '--as-done', '--reason', canary, '--as', 'ann:ops']

describe('kestrel resolve', () => {
  guards('RUN-14', 'LED-09')

  test('settles what ended unknown, once, and everything that looks at the log shows it', async () => {
    using place = await aPlaceWithAnUnknown()
    expect((await place.run(['explain', '3'])).stdout).toContain('kestrel resolve 3 --as-done|--as-not-done')
    expect(await place.json(settle)).toEqual({ code: 0, value: { seq: 4, of: 3, as: 'done' } })
    const again = await place.json(['resolve', '3', '--as-not-done', '--reason', 'no'])
    expect(again).toMatchObject({ code: 2, value: { error: { code: 'RESOLUTION_INVALID' } } })
    expect(again.value.error.message).toContain('resolved by entry 4')
    const [line] = (await place.run(['log', '--from', '4'])).stdout.split('\n')
    expect(line).toMatch(/ 4 .* ok .* ann .* resolve +entry 3 took effect$/)
    expect((await place.run(['explain', '3'])).stdout).toContain('by entry 4')
    expect((await place.run(['explain', '4'])).stdout).toMatch(/settled what had ended unknown: entry 3 took effect/)
    expect(await place.json(['verify'])).toMatchObject({ code: 0, value: { ok: true, size: 5 } })
    const shown = await Promise.all([['log'], ['explain', '4'], ['log', '--json']].map((args) => place.run(args)))
    expect(shown.map(({ stdout }) => stdout).join('')).not.toContain(canary)
    expect((await place.json(['doctor'])).value.checks).toContainEqual(
      expect.objectContaining({ name: 'unknown outcomes', count: 0 }),
    )
  })

  test.each<[string, string[], string, RegExp]>([
    ['without a verdict', ['3', '--reason', 'x'], 'USAGE_INVALID', /--as-done/],
    ['with two', ['3', '--as-done', '--as-not-done', '--reason', 'x'], 'USAGE_INVALID', /one of them/],
    ['without a reason', ['3', '--as-done'], 'USAGE_INVALID', /--reason/],
    ['of no number', ['x', '--as-done', '--reason', 'x'], 'USAGE_INVALID', /whole number/],
    ['of what is not there', ['99', '--as-done', '--reason', 'x'], 'ENTRY_NOT_FOUND', /99/],
    ['of what ended well', ['2', '--as-done', '--reason', 'x'], 'RESOLUTION_INVALID', /ended `ok`/],
    ['of no attempt', ['1', '--as-done', '--reason', 'x'], 'RESOLUTION_INVALID', /kind `policy`/],
  ])('%s exits 2 and says why', async (_, args, code, words) => {
    using place = await aPlaceWithAnUnknown()
    const { code: exit, value } = await place.json(['resolve', ...args])
    expect({ exit, code: value.error.code }).toEqual({ exit: 2, code })
    expect(value.error.message).toMatch(words)
  })

  test('waits for its turn while another process holds the data directory, and makes nothing where there is none', async () => {
    using place = await aPlaceWithAnUnknown()
    const writer = place.start(['submit', '--batch', '-'])
    writer.stdin.write('{"action":"fs.list","resource":"/workspace"}\n')
    await lineFrom(writer, /"status"/)
    const refused = await place.json(settle)
    expect(refused).toMatchObject({ code: 2, value: { error: { code: 'LEDGER_LOCKED' } } })
    expect(refused.value.error.message).toContain(`process ${writer.pid}`)
    writer.stdin.end()
    await ended(writer)
    expect((await place.json(settle)).code).toBe(0)
    using empty = aPlace()
    expect(await empty.json(settle)).toMatchObject({ code: 2, value: { error: { code: 'LEDGER_NOT_FOUND' } } })
  })
})
