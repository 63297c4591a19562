import { afterEach, describe, expect, test } from 'vitest'
import { guards } from '../../guards.ts'
import { aBrowser, aSite } from './a-web.ts'

// Alone in its file: undici must be loaded by the provider, not by a test.
describe('the host program', () => {
  guards('GATE-13')

  const names = [Symbol.for('undici.globalDispatcher.1'), Symbol.for('undici.globalDispatcher.2')] as const
  const host = globalThis as Record<symbol, unknown>
  const before = names.map((name) => host[name])
  afterEach(() => {
    for (const [index, name] of names.entries()) host[name] = before[index]
  })

  test('keeps what carries out its own `fetch`', async () => {
    await using site = await aSite()
    const own = { dispatch: () => true }
    // As Node's own copy leaves it: the later name is not in use yet.
    host[names[0]] = own
    host[names[1]] = undefined
    await aBrowser().ask(site.origin)
    expect(names.map((name) => host[name])).toEqual([own, undefined])
  })
})
