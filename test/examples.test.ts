import { execSync, spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'kestrel-examples-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const env = {
  ...process.env,
  TMPDIR: scratch,
  KESTREL_KEYS_DIR: join(scratch, 'keys'),
  XDG_CONFIG_HOME: join(scratch, 'config'),
  XDG_STATE_HOME: join(scratch, 'state'),
  NO_COLOR: '1',
}

/** Runs what `npm run build` made: an example imports the package as its users do. */
function run(file: string): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  return spawnSync(process.execPath, [file], { cwd: root, env, encoding: 'utf8', input: '' })
}

const examples = globSync('examples/*/{demo,main}.ts', { cwd: root }).sort()

describe('the examples', () => {
  test('are there', () => {
    expect(examples).toEqual(
      expect.arrayContaining(['examples/custom-provider/main.ts', 'examples/quickstart/demo.ts']),
    )
  })

  test.each(examples)('%s runs', (example) => {
    const { status, stdout, stderr } = run(example)
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).not.toBe('')
  })

  test('every folder has one that runs', () => {
    const folders = globSync('examples/*/', { cwd: root }).map((path) => path.replace(/\/$/, ''))
    expect(examples.map((path) => path.slice(0, path.lastIndexOf('/')))).toEqual(folders.sort())
  })
})

describe('the demo', () => {
  const { stdout } = run('examples/quickstart/demo.ts')

  test('shows what is allowed, refused, verified and found', () => {
    for (const word of ['ok', 'denied_by_rule', 'outside_mount', 'no_matching_rule', 'the smallest rule', 'verified']) {
      expect(stdout).toContain(word)
    }
    expect(stdout).not.toContain('\u001b')
  })

  test('tells no secret of its workspace', () => {
    const secrets = readFileSync(join(root, 'examples/quickstart/workspace/.env'), 'utf8').match(/(?<==)\S+/g) ?? []
    expect(secrets).not.toEqual([])
    for (const secret of secrets) expect(stdout).not.toContain(secret)
  })

  test('ends with three commands that work as printed', () => {
    const commands = [...stdout.matchAll(/^\s+(node_modules\/\.bin\/kestrel .*)$/gm)].map(
      ([, command]) => command as string,
    )
    expect(commands).toHaveLength(3)
    for (const command of commands) {
      expect(execSync(command, { cwd: root, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })).not.toBe('')
    }
  })
})
