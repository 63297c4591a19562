import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { aPlace, ended, lineFrom } from './a-place.ts'

describe('what was typed wrongly', () => {
  test.each([
    ['no such command', ['nonsense']],
    ['a near miss', ['submti']],
    ['no command', []],
    ['no command of policy', ['policy']],
    ['an unknown option', ['log', '--nonsense']],
    ['an unknown option of a command below a command', ['policy', 'check', '--nonsense']],
    ['too many arguments', ['key', 'x']],
    ['a missing argument', ['explain']],
    ['an option without its value', ['log', '--from']],
    ['a number that is none', ['explain', 'two']],
    ['an action alone', ['submit', 'fs.read']],
    ['params that are no JSON', ['submit', 'fs.read', '/workspace/a', '--params', '{']],
    ['params that are no object', ['submit', 'fs.read', '/workspace/a', '--params', '[]']],
    ['params with a key twice', ['submit', 'fs.read', '/workspace/a', '--params', '{"a":1,"a":2}']],
    ['a param without a value', ['submit', 'fs.read', '/workspace/a', '--param', 'limit']],
    ['a param twice', ['submit', 'fs.read', '/workspace/a', '--param', 'limit=1', '--param', 'limit=2']],
    [
      'a param that --params has',
      ['submit', 'fs.read', '/workspace/a', '--param', 'limit=1', '--params', '{"limit":2}'],
    ],
    ['a principal without a name', ['submit', 'fs.read', '/workspace/a', '--as', ':admin']],
    ['a role without a name', ['submit', 'fs.read', '/workspace/a', '--as', 'ann:,']],
    ['--fail alone', ['submit', 'fs.read', '/workspace/a', '--fail']],
    ['a receipt without a key', ['verify', '--receipt', 'x']],
    ['a receipt and a folder', ['verify', 'x', '--receipt', 'x', '--vkey', 'y']],
    ['an unknown shell', ['completion', 'tcsh']],
    ['a policy that is not there', ['submit', 'fs.read', '/workspace/a', '--policy', 'absent.yaml']],
    ['a policy that is a folder', ['submit', 'fs.read', '/workspace/a', '--policy', 'workspace']],
    ['a data directory with other files in it', ['submit', 'fs.read', '/workspace/a', '--data-dir', 'workspace']],
    ['a data directory that is a file', ['submit', 'fs.read', '/workspace/a', '--data-dir', 'policy.yaml']],
  ])('%s exits 2 with one clear line', async (_, args) => {
    using place = aPlace({ 'a.txt': 'a' })
    const { code, stdout, stderr } = await place.run(args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/^(kestrel: |Usage: kestrel)/)
    expect(stderr).not.toMatch(/^ {4}at /m)
    const json = await place.json(args)
    expect(json).toEqual({
      code: 2,
      value: { error: { code: expect.stringMatching(/^[A-Z_]+$/), message: expect.any(String) } },
    })
  })

  test('a bad policy exits 2 and says where, and nothing is made', async () => {
    using place = aPlace({}, 'version: 1\nallow:\n  - action: fs.read\n    resource: 7\n')
    const { code, stderr } = await place.run(['submit', 'fs.read', '/workspace/a'])
    expect(code).toBe(2)
    expect(stderr).toContain('policy.yaml:4:15')
    expect((await place.json(['key'])).code).toBe(2)
  })
})

describe('options of every command', () => {
  test('stand before and after it, and the environment says the same', async () => {
    using place = aPlace({ 'a.txt': 'a' })
    place.write(
      'other/policy.yaml',
      'version: 1\nmounts: { /workspace: ../workspace }\nallow: [{ action: fs.read, resource: "/workspace/**" }]\n',
    )
    const options = ['--data-dir', 'other/data', '--policy', 'other/policy.yaml', '--keys-dir', 'other/keys', '--json']
    const before = await place.run([...options, 'submit', 'fs.read', '/workspace/a.txt'])
    expect(JSON.parse(before.stdout)).toMatchObject({ status: 'ok', seq: 2 })
    const after = await place.run(['submit', 'fs.read', '/workspace/a.txt', ...options])
    expect(JSON.parse(after.stdout)).toMatchObject({ status: 'ok', seq: 3 })
    const env = {
      KESTREL_DATA_DIR: place.path('other', 'data'),
      KESTREL_POLICY: place.path('other', 'policy.yaml'),
      KESTREL_KEYS_DIR: place.path('other', 'keys'),
    }
    expect(await place.json(['submit', 'fs.read', '/workspace/a.txt'], { env })).toMatchObject({
      code: 0,
      value: { seq: 4 },
    })
  })

  test.each([[], ['submit'], ['log'], ['policy'], ['policy', 'check'], ['verify']])('%s --help', async (...command) => {
    using place = aPlace()
    const { code, stdout, stderr } = await place.run([...command, '--help'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    for (const option of ['--json', '--data-dir', '--policy', '--keys-dir']) expect(stdout).toContain(option)
    expect(stdout).not.toMatch(/\bfork\b|\bapprove\b/)
  })
})

describe('an older Node', () => {
  /** The program's first file as it ships, made to want a Node that does not exist yet. */
  function shipped(oldest: string): { place: ReturnType<typeof aPlace>; bin: string } {
    const place = aPlace()
    const source = readFileSync(fileURLToPath(new URL('../../src/cli/bin.ts', import.meta.url)), 'utf8')
    const text = stripTypeScriptTypes(source).replace(/oldestMajor = \d+/, `oldestMajor = ${oldest}`)
    place.write('package/package.json', '{"type":"module"}')
    place.write('package/dist/main.ts', "export const main = () => process.stdout.write('started\\n')")
    return { place, bin: place.write('package/dist/bin.js', text) }
  }

  test('runs the pinned one where npm has brought it, with the same arguments, input and exit code', () => {
    const { place, bin } = shipped('99')
    using _ = place
    mkdirSync(place.path('package', 'node_modules', 'node', 'bin'), { recursive: true })
    const pinned = place.path('package', 'node_modules', 'node', 'bin', 'node')
    writeFileSync(pinned, '#!/bin/sh\nshift\necho "again: $*"\ncat\nexit 7\n', { mode: 0o755 })
    const { status, stdout } = spawnSync(process.execPath, [bin, 'log', '--limit', '3'], {
      input: 'in\n',
      encoding: 'utf8',
    })
    expect({ status, stdout }).toEqual({ status: 7, stdout: 'again: log --limit 3\nin\n' })
  })

  test('passes on an interruption that reaches it alone, once', async () => {
    const { place, bin } = shipped('99')
    using _ = place
    mkdirSync(place.path('package', 'node_modules', 'node', 'bin'), { recursive: true })
    const pinned = place.path('package', 'node_modules', 'node', 'bin', 'node')
    const script = 'trap "echo ended; exit 130" TERM\necho ready\nfor i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.2; done\n'
    writeFileSync(pinned, `#!/bin/sh\n${script}`, { mode: 0o755 })
    const child = spawn(process.execPath, [bin, 'log'], { stdio: 'pipe' })
    await lineFrom(child, /ready/)
    const end = ended(child)
    child.kill('SIGINT')
    expect(await end).toMatchObject({ code: 130, stdout: 'ended\n' })
  })

  test('says what to install where there is none, and does not go round in circles', () => {
    const { place, bin } = shipped('99')
    using _ = place
    const alone = spawnSync(process.execPath, [bin, 'log'], { cwd: place.root, encoding: 'utf8' })
    expect(alone).toMatchObject({ status: 2, stdout: '' })
    expect(alone.stderr).toMatch(/^kestrel: needs Node 99 or later, .*install Node 99/)
    mkdirSync(place.path('package', 'node_modules', 'node', 'bin'), { recursive: true })
    symlinkSync(process.execPath, place.path('package', 'node_modules', 'node', 'bin', 'node'))
    const again = spawnSync(process.execPath, [bin, 'log'], { cwd: place.root, encoding: 'utf8' })
    expect(again.stderr).toBe(alone.stderr)
  })

  test('its first file needs nothing that Node 16 could not parse', () => {
    const { place, bin } = shipped('24')
    using _ = place
    expect(readFileSync(bin, 'utf8')).not.toMatch(/^\s*(await )?using |import \{[^}\n]*enableCompileCache|\?\?=/m)
    const { stdout } = spawnSync(process.execPath, [bin], { encoding: 'utf8' })
    expect(stdout).toBe('started\n')
  })
})
