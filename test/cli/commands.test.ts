import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { aPlace, canary } from './a-place.ts'

describe('kestrel submit', () => {
  test.each([
    ['ok', 0, ['fs.read', '/workspace/a.txt']],
    ['ok', 0, ['fs.write', '/workspace/output/b.txt', '--param', 'content=b', '--param', 'parents=true']],
    ['denied', 3, ['fs.read', '/workspace/.env']],
    ['denied', 3, ['fs.write', '/workspace/a.txt', '--param', 'content=x']],
    ['denied', 3, ['net.http', 'https://example.com/']],
    ['failed', 5, ['fs.read', '/workspace/absent.txt']],
    ['invalid', 8, ['fs.read', '/workspace/a.txt', '--param', 'no_such=1']],
    ['invalid', 8, ['not an action', '/workspace/a.txt']],
  ])('%s exits %i: %j', async (status, code, args) => {
    using place = aPlace({ 'a.txt': 'hello\n', '.env': canary })
    const ended = await place.json(['submit', ...args])
    expect(ended).toMatchObject({ code, value: { status, seq: 2, durationMs: expect.any(Number) } })
    expect(Object.keys(ended.value)).toEqual(
      expect.arrayContaining(['status', 'seq', 'action', 'resource', 'durationMs']),
    )
    const allowed = ['status', 'seq', 'action', 'resource', 'reason', 'result', 'error', 'undo', 'durationMs']
    expect(allowed).toEqual(expect.arrayContaining(Object.keys(ended.value)))
    expect('reason' in ended.value).toBe(status === 'denied' || status === 'invalid')
    expect('error' in ended.value).toBe(status === 'failed')
    expect(await place.jsonLines(['log'])).toHaveLength(3)
  })

  test('makes the data directory and keys by itself, closed to others', async () => {
    using place = aPlace({ 'a.txt': 'a' })
    expect((await place.run(['submit', 'fs.read', '/workspace/a.txt'])).code).toBe(0)
    expect(statSync(place.path('.kestrel')).mode & 0o777).toBe(0o700)
    expect(statSync(place.path('keys')).mode & 0o077).toBe(0)
    expect(readFileSync(place.path('.kestrel', '.gitignore'), 'utf8')).toBe('*\n')
  })

  test('reads a param as the action takes it', async () => {
    using place = aPlace({ 'a.txt': 'hello' })
    const limited = await place.json(['submit', 'fs.read', '/workspace/a.txt', '--param', 'limit=2'])
    expect(limited.value.result.content).toBe('he')
    const write = ['submit', 'fs.write', '/workspace/output/n', '--param', 'parents=true', '--param', 'content=10']
    expect((await place.json(write)).value.status).toBe('ok')
    expect(readFileSync(place.path('workspace', 'output', 'n'), 'utf8')).toBe('10')
    const whole = ['submit', 'fs.read', '/workspace/a.txt', '--params', '{"offset":1,"limit":1}']
    expect((await place.json(whole)).value.result.content).toBe('e')
  })

  test('asks on the authority of --as, and roles come from there alone', async () => {
    using place = aPlace()
    const request = ['submit', 'fs.write', '/workspace/team/x', '--params', '{"content":"x","parents":true}']
    expect((await place.json(request)).value.reason.code).toBe('role_missing')
    expect((await place.json([...request, '--as', 'ann:reader'])).value.reason.code).toBe('role_missing')
    expect((await place.json([...request, '--as', 'ann:reader,editor'])).code).toBe(0)
    const entries = await place.jsonLines(['log', '--agent', 'ann'])
    expect(entries.map(({ principal, agent }) => [principal, agent])).toEqual([
      ['ann', 'local'],
      ['ann', 'local'],
    ])
  })

  test('gives a retry under the same key the same answer and no second entry', async () => {
    using place = aPlace({ 'a.txt': 'a' })
    const request = ['submit', 'fs.read', '/workspace/.env', '--key', 'k1']
    const first = await place.json(request)
    const again = await place.json(request)
    expect({ ...again.value, durationMs: 0 }).toEqual({ ...first.value, durationMs: 0 })
    expect(await place.jsonLines(['log'])).toHaveLength(3)
    const other = await place.json(['submit', 'fs.read', '/workspace/a.txt', '--key', 'k1'])
    expect(other).toMatchObject({ code: 8, value: { reason: { code: 'idempotency_conflict' } } })
  })

  test('says on a dry run how it would end, and makes and changes nothing', async () => {
    using place = aPlace({ 'a.txt': 'a' })
    const write = ['fs.write', '/workspace/output/b.txt', '--param', 'content=b', '--param', 'parents=true']
    const foreseen = await place.json(['submit', ...write, '--dry-run'])
    expect(foreseen).toMatchObject({ code: 0, value: { status: 'ok', seq: 2 } })
    expect((await place.json(['submit', 'fs.read', '/workspace/.env', '--dry-run'])).code).toBe(3)
    expect([existsSync(place.path('.kestrel')), existsSync(place.path('keys'))]).toEqual([false, false])
    expect(existsSync(place.path('workspace', 'output'))).toBe(false)
    expect((await place.json(['submit', ...write])).value.seq).toBe(2)
    const next = await place.json(['submit', 'fs.read', '/workspace/a.txt', '--dry-run'])
    expect(next.value.seq).toBe(3)
    expect((await place.json(['submit', 'fs.read', '/workspace/a.txt'])).value.seq).toBe(3)
  })

  test('refuses params beyond the limit with one entry and a clear reason', async () => {
    using place = aPlace()
    place.write(
      'big.jsonl',
      `${JSON.stringify({ action: 'fs.write', resource: '/workspace/output/b', params: { content: 'x'.repeat(66_000) } })}\n`,
    )
    const [outcome] = await place.jsonLines(['submit', '--batch', 'big.jsonl'])
    expect(outcome).toMatchObject({
      status: 'invalid',
      reason: { code: 'invalid_request', message: expect.stringContaining('65536') },
    })
    expect(await place.jsonLines(['log'])).toHaveLength(3)
  })
})

describe('kestrel init', () => {
  test('makes what a first request needs, and its next commands work as printed', async () => {
    using place = aPlace()
    const { code, value } = await place.json(['init', 'new place'])
    expect(code).toBe(0)
    expect(value.next).toHaveLength(3)
    for (const command of value.next as string[]) {
      const args = [...command.matchAll(/'([^']*)'|(\S+)/g)].map((found) => found[1] ?? found[2] ?? '')
      expect(args[0]).toBe('node')
      expect(await place.run(args.slice(2))).toMatchObject({ code: 0, stderr: '' })
    }
    expect(readFileSync(place.path('new place', 'workspace', 'output', 'hello.txt'), 'utf8')).toBe('hello')
    const firstLine = readFileSync(place.path('new place', 'policy.yaml'), 'utf8').split('\n')[0]
    const schema = /^# yaml-language-server: \$schema=(.*policy\.schema\.json)$/.exec(firstLine ?? '')?.[1] ?? ''
    expect(existsSync(new URL(schema))).toBe(true)
  })

  test('overwrites nothing', async () => {
    using place = aPlace({ 'a.txt': 'a' })
    const policy = readFileSync(place.path('policy.yaml'))
    const first = await place.json(['init'])
    expect(first.value.policy.isNew).toBe(false)
    await place.run(['submit', 'fs.read', '/workspace/a.txt'])
    const second = await place.json(['init'])
    expect(second.value).toMatchObject({ vkey: first.value.vkey, dataDir: { isNew: false } })
    expect(readFileSync(place.path('policy.yaml'))).toEqual(policy)
    expect(await place.jsonLines(['log'])).toHaveLength(3)
  })

  test('finds MCP client configurations and leaves them as they are', async () => {
    using place = aPlace()
    const file = place.write('.mcp.json', '{"mcpServers":{"files":{"command":"x"},"other":{"command":"y"}}}')
    const before = readFileSync(file)
    const { value } = await place.json(['init'])
    expect(value.clients).toEqual([{ file: expect.stringContaining('.mcp.json'), servers: 2 }])
    expect((await place.run(['init'])).stdout).toContain('not built in this version')
    expect(readFileSync(file)).toEqual(before)
  })
})

describe('kestrel explain', () => {
  test('tells who, what, which rule and what it changed', async () => {
    using place = aPlace()
    const write = ['submit', 'fs.write', '/workspace/output/b', '--param', 'content=b', '--param', 'parents=true']
    await place.run([...write, '--as', 'ann'])
    const { stdout } = await place.run(['explain', '2'])
    for (const word of [
      'ann, through agent local',
      'asked for fs.write of /workspace/output/b',
      'allow[3]',
      'policy.yaml:7',
      'took effect',
    ]) {
      expect(stdout).toContain(word)
    }
    const { value } = await place.json(['explain', '2'])
    expect(value).toMatchObject({ entry: { seq: 2 }, changed: 'done', policy: { seq: 1, isCurrent: true } })
  })

  test('gives the smallest rule that would allow what was denied, and that rule does', async () => {
    using place = aPlace({ 'a.txt': 'a' })
    const write = ['submit', 'fs.write', '/workspace/a.txt', '--param', 'content=b']
    await place.run(write)
    const { value } = await place.json(['explain', '2'])
    expect(value).toMatchObject({ changed: 'nothing' })
    const policy = readFileSync(place.path('policy.yaml'), 'utf8')
    writeFileSync(place.path('policy.yaml'), policy.replace(/^allow:$/m, value.suggestion))
    expect((await place.json(write)).code).toBe(0)
    const now = await place.json(['explain', '2'])
    expect(now.value).toMatchObject({ policy: { isCurrent: false }, isPermittedNow: true })
  })

  test.each(['3', '99', '9007199254740991'])('entry %s does not exist: exits 2', async (seq) => {
    using place = aPlace()
    await place.run(['submit', 'fs.list', '/workspace'])
    expect(await place.json(['explain', seq])).toMatchObject({ code: 2, value: { error: { code: 'ENTRY_NOT_FOUND' } } })
    expect(await place.json(['receipt', seq])).toMatchObject({ code: 2, value: { error: { code: 'ENTRY_NOT_FOUND' } } })
  })
})

describe('kestrel policy', () => {
  test('check names line and column of what is wrong, and exits 2', async () => {
    using place = aPlace()
    expect(await place.json(['policy', 'check', 'policy.yaml'])).toMatchObject({
      code: 0,
      value: { ok: true, problems: [] },
    })
    const bad = place.write('bad.yaml', 'version: 1\nallow:\n  - action: fs.read\n    resource: /a\n    wen: x\n')
    const { code, value } = await place.json(['policy', 'check', bad])
    expect(code).toBe(2)
    expect(value).toMatchObject({ ok: false, digest: expect.stringMatching(/^[0-9a-f]{64}$/) })
    expect(value.problems[0]).toMatchObject({
      line: 5,
      column: 5,
      code: expect.any(String),
      message: expect.stringContaining('wen'),
    })
    expect((await place.run(['policy', 'check', bad])).stdout).toContain('bad.yaml:5:5')
    expect((await place.json(['policy', 'check', 'absent.yaml'])).value.error.code).toBe('POLICY_NOT_FOUND')
  })

  test('explain names the rules, and a rule to paste', async () => {
    using place = aPlace()
    const denied = await place.json(['policy', 'explain', 'fs.write', '/workspace/x'])
    expect(denied).toMatchObject({ code: 0, value: { effect: 'forbid', reason: { code: 'no_matching_rule' } } })
    expect(denied.value.suggestion).toContain('resource: /workspace/x')
    const asEditor = ['policy', 'explain', 'fs.write', '/workspace/team/x', '--as', 'ann:editor']
    expect((await place.json(asEditor)).value).toMatchObject({ effect: 'permit', reason: { rule: 'allow[4]' } })
    expect((await place.run(['policy', 'explain', 'fs.read', '/workspace/.env'])).stdout).toContain('deny[0]')
    expect(existsSync(place.path('.kestrel'))).toBe(false)
  })

  test('test asks the cases of a file', async () => {
    using place = aPlace()
    const good = place.write('good.yaml', '- { action: fs.read, resource: /workspace/a, expect: permit }\n')
    const wrong = place.write('wrong.yaml', '- { action: fs.read, resource: /workspace/.env, expect: permit }\n')
    const broken = place.write('broken.yaml', '- { action: fs.read }\n')
    expect(await place.json(['policy', 'test', good])).toMatchObject({
      code: 0,
      value: { ok: true, passed: 1, failed: 0 },
    })
    expect(await place.json(['policy', 'test', good, wrong])).toMatchObject({
      code: 6,
      value: { ok: false, passed: 1, failed: 1 },
    })
    expect((await place.run(['policy', 'test', wrong])).stdout).toContain('wrong.yaml:1')
    expect((await place.run(['policy', 'test', broken])).code).toBe(2)
  })
})

describe('kestrel doctor', () => {
  test('runs its self-tests and finds a new place healthy', async () => {
    using place = aPlace()
    expect((await place.json(['doctor'])).code).toBe(0)
    await place.run(['init'])
    const { code, value } = await place.json(['doctor'])
    expect({ code, ok: value.ok }).toEqual({ code: 0, ok: true })
    const names = (value.checks as { name: string; status: string }[]).map(({ name, status }) => `${name} ${status}`)
    for (const name of [
      'SHA-256',
      'Ed25519',
      'inclusion proof',
      'consistency proof',
      'canonical JSON',
      'keys',
      'lock',
    ]) {
      expect(names).toContain(`${name} ok`)
    }
  })

  test('exits 2 for what is configured wrongly and 6 for what is damaged', async () => {
    using place = aPlace()
    await place.run(['init'])
    const policy = readFileSync(place.path('policy.yaml'))
    place.write('policy.yaml', 'version: 2\n')
    expect((await place.json(['doctor'])).code).toBe(2)
    writeFileSync(place.path('policy.yaml'), policy)
    writeFileSync(place.path('.kestrel', 'ledger', 'checkpoint'), 'nonsense\n')
    const { code, value } = await place.json(['doctor'])
    expect(code).toBe(6)
    expect(value.checks).toContainEqual(expect.objectContaining({ name: 'log', status: 'damage' }))
  })
})

describe('the smaller commands', () => {
  test('version and key', async () => {
    using place = aPlace()
    expect((await place.json(['version'])).value).toMatchObject({
      version: expect.any(String),
      node: process.versions.node,
    })
    expect(await place.json(['key'])).toMatchObject({ code: 2, value: { error: { code: 'LEDGER_NOT_FOUND' } } })
    await place.run(['init'])
    const { stdout } = await place.run(['key'])
    expect(stdout).toBe(readFileSync(place.path('.kestrel', 'ledger', 'vkey'), 'utf8'))
    expect((await place.json(['key'])).value.vkey).toBe(stdout.trim())
  })

  test.each(['bash', 'zsh', 'fish'])('completion %s names every command and option', async (shell) => {
    using place = aPlace()
    const { code, stdout } = await place.run(['completion', shell])
    expect(code).toBe(0)
    const commands = ['submit', 'verify', 'doctor', 'explain', 'policy', 'check', 'resolve', 'rebuild', 'witness']
    for (const word of [...commands, 'dry-run', 'data-dir', 'as-not-done']) expect(stdout).toContain(word)
    for (const word of ['fork', 'approve']) expect(stdout).not.toContain(word)
  })

  test.each([
    ['fork', '3'],
    ['run', 'x'],
    ['fork', 'x'],
    ['replay', 'x'],
    ['approve', 'x'],
    ['mcp', '--', 'x'],
  ])('%s says that it is not built', async (...args) => {
    using place = aPlace()
    const { code, stdout, stderr } = await place.run(args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain('not built in this version')
  })
})
