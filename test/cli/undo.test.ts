import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { guards } from '../guards.ts'
import { aPlace } from './a-place.ts'

const binary = Buffer.from([0, 255, 128, 10])

describe('kestrel undo', () => {
  guards('UNDO-02', 'UNDO-05', 'UNDO-08')

  test('puts a binary back, says until when it can be, and takes that back', async () => {
    using place = aPlace({ 'output/a.bin': binary.toString('latin1') })
    const file = place.path('workspace/output/a.bin')
    writeFileSync(file, binary)
    const wrote = await place.json(['submit', 'fs.write', '/workspace/output/a.bin', '--param', 'content=oops'])
    expect(wrote).toMatchObject({ code: 0, value: { seq: 2, undo: { until: expect.stringMatching(/Z$/) } } })
    expect((await place.run(['log'])).stdout).toMatch(/fs\.write.*a\.bin {2}undo until /)
    expect(await place.json(['undo', '2'])).toMatchObject({ code: 0, value: { status: 'ok', seq: 3, action: 'undo' } })
    expect(readFileSync(file)).toEqual(binary)
    expect((await place.run(['log'])).stdout).not.toMatch(/ fs\.write.*undo until /)
    expect(await place.json(['undo', '2'])).toMatchObject({ code: 3, value: { reason: { code: 'already_undone' } } })
    expect((await place.run(['explain', '2'])).stdout).toContain('by entry 3')
    expect((await place.json(['undo', '3'])).code).toBe(0)
    expect(readFileSync(file, 'utf8')).toBe('oops')
    expect((await place.run(['verify'])).code).toBe(0)
  })

  test('takes several, one outcome line each, and exits by the worst', async () => {
    using place = aPlace({ 'output/a.txt': 'one' })
    for (const content of ['two', 'three']) {
      await place.run(['submit', 'fs.write', '/workspace/output/a.txt', '--param', `content=${content}`])
    }
    const lines = await place.jsonLines(['undo', '3', '2'])
    expect(lines).toMatchObject([
      { status: 'ok', seq: 4 },
      { status: 'ok', seq: 5 },
    ])
    expect(readFileSync(place.path('workspace/output/a.txt'), 'utf8')).toBe('one')
    writeFileSync(place.path('workspace/output/a.txt'), 'others')
    const conflicting = await place.json(['undo', '5'])
    expect(conflicting).toMatchObject({ code: 3, value: { reason: { code: 'undo_conflict' } } })
    expect((await place.run(['undo', '5', '4', '--force'])).code).toBe(0)
  })

  test('of no entry, or of no number, is a mistake of the caller', async () => {
    using place = aPlace({ 'a.txt': '' })
    await place.run(['submit', 'fs.read', '/workspace/a.txt'])
    expect(await place.json(['undo', '99'])).toMatchObject({ code: 2, value: { error: { code: 'ENTRY_NOT_FOUND' } } })
    expect((await place.json(['undo', 'x'])).code).toBe(2)
    expect((await place.json(['undo'])).code).toBe(2)
    expect(await place.json(['undo', '2'])).toMatchObject({ code: 3, value: { reason: { code: 'nothing_to_undo' } } })
  })

  test('is warned of at the write, where a deny rule will forbid it', async () => {
    guards('UNDO-03')
    using place = aPlace({})
    const policy = readFileSync(place.path('policy.yaml'), 'utf8')
    writeFileSync(place.path('policy.yaml'), `${policy}\n  - { action: fs.delete, resource: "**" }\n`)
    const params = ['--param', 'content=x', '--param', 'parents=true']
    const wrote = await place.run(['submit', 'fs.write', '/workspace/output/new', ...params])
    expect(wrote).toMatchObject({ code: 0 })
    expect(wrote.stderr).toMatch(/cannot be undone.*fs\.delete/)
    expect(await place.json(['undo', '2'])).toMatchObject({ code: 3, value: { reason: { code: 'denied_by_rule' } } })
    expect(existsSync(place.path('workspace/output/new'))).toBe(true)
  })
})
