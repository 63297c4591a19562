import { renameSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { aPlace } from './a-place.ts'
import { aLog, policyText, seqs } from './a-policy-log.ts'

describe('kestrel policy suggest', () => {
  test('prints a policy that loads without a warning and changes nothing', async () => {
    using place = await aLog()
    const { code, stdout, stderr } = await place.run(['policy', 'suggest'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    place.write('new.yaml', stdout)
    expect(await place.json(['policy', 'check', 'new.yaml'])).toMatchObject({
      code: 0,
      value: { ok: true, problems: [], warnings: [] },
    })
    expect(await place.json(['policy', 'replay', 'new.yaml'])).toMatchObject({
      code: 0,
      value: { changed: 0, changes: [], undecided: 0 },
    })
    expect(stdout).toContain('    resource: /workspace/a.txt\n')
    expect(stdout).not.toContain('/workspace/out/x')
    expect((await place.json(['policy', 'suggest'])).value).toMatchObject({ policy: stdout, opened: [], leftOut: [] })
  })

  test('with --learn takes in what no rule allowed, and never what a deny rule forbade', async () => {
    using place = await aLog()
    const { stdout } = await place.run(['policy', 'suggest', '--learn', '--as', 'local', '--who'])
    expect(stdout).toContain(
      '  - action: fs.write # writes\n    resource: /workspace/out/x\n    who: [principal:local]\n',
    )
    expect(stdout).not.toContain('resource: /workspace/.env')
    expect((await place.run(['policy', 'suggest', '--as', 'nobody'])).stdout).toContain('allow: []\n')
    expect((await place.run(['policy', 'suggest', '--from', '3'])).stdout).not.toContain('a.txt')
    expect((await place.run(['policy', 'suggest', '--since', 'later'])).code).toBe(2)
  })
})

describe('kestrel policy replay', () => {
  test('tells which decisions change, and by which rule', async () => {
    using place = await aLog()
    const text = policyText
      .replace('    resource: /workspace/**', '    resource: /workspace/b/**')
      .replace('["**/.env"]', '[]')
    place.write('new.yaml', text.replace('deny:', 'deny:\n  - { action: fs.read, resource: /workspace/a.txt }'))
    const { code, value } = await place.json(['policy', 'replay', 'new.yaml'])
    expect(code).toBe(0)
    expect(value).toMatchObject({ changed: 2, undecided: 0, judged: 7 })
    expect(value.changes[0]).toEqual({
      seq: seqs.read,
      action: 'fs.read',
      resource: '/workspace/a.txt',
      principal: 'local',
      was: { effect: 'permit', reason: 'permitted', rules: ['allow[0]'] },
      now: { effect: 'forbid', reason: 'denied_by_rule', rules: ['deny[0]'] },
    })
    const limited = (await place.json(['policy', 'replay', 'new.yaml', '--limit', '1'])).value
    expect([limited.changed, limited.changes.length]).toEqual([2, 1])
    expect((await place.json(['policy', 'replay', 'new.yaml', '--from', '3'])).value.changed).toBe(1)
    expect((await place.run(['policy', 'replay', 'new.yaml'])).stdout).toContain('permit → forbid  deny[0]')
    expect((await place.json(['policy', 'replay', 'policy.yaml'])).value.changed).toBe(0)
    expect((await place.json(['policy', 'replay', 'absent.yaml'])).value.error.code).toBe('POLICY_NOT_FOUND')
  })

  test('looks at sealed params, and without their keys says what it cannot decide', async () => {
    using place = await aLog()
    place.write('new.yaml', policyText.replace('content: "a"', 'content: "b"'))
    const seen = await place.json(['policy', 'replay', 'new.yaml'])
    expect(seen.value).toMatchObject({
      changed: 1,
      changes: [{ seq: seqs.append, now: { effect: 'permit', rules: ['allow[2]'] } }],
      undecided: 0,
    })
    renameSync(place.path('keys'), place.path('keys-away'))
    const blind = await place.json(['policy', 'replay', 'new.yaml'])
    expect(blind.value).toMatchObject({ changed: 0, undecided: 2, undecidedFor: { params: 2, roles: 0, query: 0 } })
    expect(seen.value.changes[0]).not.toHaveProperty('params')
  })

  test('takes roles from --roles, and proves them where the same policy decided', async () => {
    using place = await aLog()
    await place.run([
      'submit',
      'fs.write',
      '/workspace/team/y',
      '--params',
      '{"content":"","parents":true}',
      '--as',
      'ann:editor',
    ])
    expect((await place.json(['policy', 'replay', 'policy.yaml'])).value).toMatchObject({ changed: 0, undecided: 0 })
    place.write('new.yaml', policyText.replace('role:editor', 'role:chief'))
    expect((await place.json(['policy', 'replay', 'new.yaml'])).value).toMatchObject({ changed: 1 })
    expect((await place.json(['policy', 'replay', 'new.yaml', '--roles', 'ann:chief'])).value).toMatchObject({
      changed: 0,
    })
    expect((await place.json(['policy', 'replay', 'new.yaml', '--roles', 'ann'])).value.error.code).toBe(
      'USAGE_INVALID',
    )
  })
})

describe('kestrel policy check and test', () => {
  test('warnings have a severity and never fail the check', async () => {
    using place = aPlace({}, 'version: 1\nallow:\n  - { action: "*", resource: "**" }\n')
    const { code, value } = await place.json(['policy', 'check'])
    expect({ code, ok: value.ok, problems: value.problems }).toEqual({ code: 0, ok: true, problems: [] })
    expect(value.warnings).toEqual([expect.objectContaining({ code: 'broad_action', line: 3, severity: 'warning' })])
  })

  test('coverage names the rules that no case decides', async () => {
    using place = aPlace({}, policyText)
    const cases = place.write(
      'cases.yaml',
      '- { action: fs.read, resource: /workspace/a, expect: permit }\n- { action: fs.read, resource: /workspace/b, expect: permit }\n',
    )
    const { value } = await place.json(['policy', 'test', cases, '--coverage'])
    expect(value.coverage).toEqual([
      { id: 'allow[0]', line: 6, cases: 2 },
      { id: 'allow[1]', line: 8, cases: 0 },
      { id: 'allow[2]', line: 9, cases: 0 },
      { id: 'deny[0]', line: 15, cases: 0 },
    ])
    expect((await place.run(['policy', 'test', cases, '--coverage'])).stdout).toContain('1 of 4 rules decided a case')
    expect((await place.json(['policy', 'test', cases])).value).not.toHaveProperty('coverage')
  })
})
