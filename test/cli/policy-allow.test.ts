import {
  chmodSync,
  linkSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { describe, expect, test } from 'vitest'
import { guards } from '../guards.ts'
import type { Place } from './a-place.ts'
import { aLog, policyText, requests, seqs } from './a-policy-log.ts'

const { read, write, env, team, append, otherAppend, invalid } = seqs
const policyOf = (place: Place): string => readFileSync(place.path('policy.yaml'), 'utf8')
const retry = (place: Place, index: number): Promise<{ value: { status: string } }> =>
  place
    .run(['submit', '--batch', '-', '--json'], { input: `${JSON.stringify(requests[index - 2])}\n` })
    .then(({ stdout }) => ({ value: JSON.parse(stdout) as { status: string } }))

describe('kestrel policy allow', () => {
  test('adds whole lines and no others, and what was refused is then permitted', async () => {
    using place = await aLog()
    chmodSync(place.path('policy.yaml'), 0o640)
    const { code, value } = await place.json(['policy', 'allow', String(write), '--yes'])
    expect({ code, value }).toMatchObject({ code: 0, value: { seq: write, written: true, alsoPermits: [], line: 12 } })
    const rule = '  - action: fs.write\n    resource: /workspace/out/x\n'
    expect(policyOf(place)).toBe(policyText.replace('  # the end of the list\n', `${rule}  # the end of the list\n`))
    expect(value.diff).toBe(
      `--- policy.yaml\n+++ policy.yaml\n@@ -9,6 +9,8 @@\n   - action: fs.append\n     resource: '/workspace/log'\n     constraint: { content: "a" }\n+  - action: fs.write\n+    resource: /workspace/out/x\n   # the end of the list\n \n deny:\n`,
    )
    expect(statSync(place.path('policy.yaml')).mode & 0o777).toBe(0o640)
    expect((await retry(place, write)).value.status).toBe('ok')
    expect(readdirSync(place.root).filter((name) => name.includes('.new'))).toEqual([])
    const again = await place.json(['policy', 'allow', String(write), '--yes'])
    expect(again).toMatchObject({ code: 0, value: { written: false, isPermitted: true } })
  })

  test('without a terminal and without --yes shows the change, changes nothing, and says how', async () => {
    using place = await aLog()
    const { code, stdout, stderr } = await place.run(['policy', 'allow', String(write)], { input: 'y\n' })
    expect(code).toBe(2)
    expect(stdout).toContain('+  - action: fs.write\n')
    expect(stdout).not.toContain('\u001b')
    expect(stderr).toContain(`kestrel policy allow ${write} --yes`)
    expect(policyOf(place)).toBe(policyText)
    expect(await place.json(['policy', 'allow', String(write)])).toMatchObject({ code: 2, value: { written: false } })
    expect(policyOf(place)).toBe(policyText)
  })

  test('lets in who was refused for a role, or whom --who names', async () => {
    using place = await aLog()
    const { value } = await place.json(['policy', 'allow', String(team)])
    expect(value.added).toEqual([
      '  - action: fs.write',
      '    resource: /workspace/team/x',
      '    who: [principal:local]',
    ])
    const named = await place.json(['policy', 'allow', String(team), '--who', 'role:writer', '--who', 'principal:bob'])
    expect(named.value.added.at(-1)).toBe('    who: [role:writer, principal:bob]')
    expect((await place.json(['policy', 'allow', String(team), '--who', 'anyone'])).value.added).toHaveLength(2)
    expect((await place.json(['policy', 'allow', String(team), '--who', 'bob'])).value.error.code).toBe('USAGE_INVALID')
  })

  test('holds a rule to the params where rules look at them, and so to one of two requests', async () => {
    using place = await aLog()
    const { value } = await place.json(['policy', 'allow', String(append), '--yes'])
    expect(value.added.slice(2)).toEqual(['    who: [principal:local]', '    constraint: { content: "b" }'])
    expect(value.alsoPermits).toEqual([])
    expect((await retry(place, append)).value.status).not.toBe('denied')
    expect((await retry(place, otherAppend)).value.status).toBe('denied')
    renameSync(place.path('keys'), place.path('keys-away'))
    const blind = await place.json(['policy', 'allow', String(otherAppend)])
    expect(blind).toMatchObject({ code: 2, value: { error: { message: expect.stringContaining('where the keys') } } })
  })

  test('tells how many more refusals of the log it would permit', async () => {
    using place = await aLog()
    const twice = `${JSON.stringify(requests[1])}\n`
    await place.run(['submit', '--batch', '-', '--as', 'bob'], { input: twice + twice })
    const { value } = await place.json(['policy', 'allow', String(write)])
    expect(value.alsoPermits).toEqual([10, 11])
  })

  test.each([
    ['a deny rule forbids', env, 'deny wins'],
    ['that was permitted', read, 'was not denied'],
    ['that was no request', 0, 'no request'],
    ['that was malformed', invalid, 'no request'],
    ['that is not there', 99, 'no such entry'],
  ])('changes nothing for an entry %s', async (_, seq, words) => {
    using place = await aLog()
    const { code, value } = await place.json(['policy', 'allow', String(seq), '--yes'])
    expect({ code, value }).toEqual({
      code: 2,
      value: { error: { code: expect.any(String), message: expect.stringContaining(words) } },
    })
    expect(policyOf(place)).toBe(policyText)
  })

  test('writes through no link, and to no file with a second name', async () => {
    using place = await aLog()
    renameSync(place.path('policy.yaml'), place.path('real.yaml'))
    symlinkSync('real.yaml', place.path('policy.yaml'))
    expect((await place.run(['policy', 'allow', String(write), '--yes'])).stderr).toContain('is a link')
    rmSync(place.path('policy.yaml'))
    linkSync(place.path('real.yaml'), place.path('policy.yaml'))
    expect((await place.run(['policy', 'allow', String(write), '--yes'])).stderr).toContain('2 names')
    expect(readFileSync(place.path('real.yaml'), 'utf8')).toBe(policyText)
  })

  test('refuses a list that would have to be changed, with the rule to add by hand', async () => {
    using place = await aLog()
    const text =
      'version: 1\nmounts: { /workspace: ./workspace }\nallow: [{ action: fs.read, resource: /workspace/** }]\n'
    writeFileSync(place.path('policy.yaml'), text)
    const { code, stderr } = await place.run(['policy', 'allow', String(write), '--yes'])
    expect(code).toBe(2)
    expect(stderr).toContain('on one line')
    expect(stderr).toContain('`- { action: fs.write, resource: /workspace/out/x }`')
    expect(policyOf(place)).toBe(text)
  })
})

describe('what an agent asked for, in a diff', () => {
  guards('DIS-01')

  test('is visible and never active', async () => {
    using place = await aLog()
    const resource = '/workspace/\u001b]0;x\u0007/\u202etxt'
    await place.run(['submit', 'fs.write', resource, '--param', 'content=x'])
    await place.run(['submit', 'fs.write', '/workspace/\u202e: # {', '--param', 'content=x'])
    for (const seq of ['10', '11']) {
      const { stdout, stderr } = await place.run(['policy', 'allow', seq, '--yes'])
      expect(stdout + stderr).not.toMatch(/[\u001b\u0007\u202e]/)
    }
    expect(policyOf(place)).not.toMatch(/\u202e|\u001b/)
    expect(
      (await place.json(['submit', 'fs.write', '/workspace/\u202e: # {', '--param', 'content=x'])).value.status,
    ).toBe('ok')
  })
})
