import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { errorTable, reasonTable } from 'kestrel-kernel'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const pages = ['README.md', 'ARCHITECTURE.md', 'SECURITY.md', 'CONTRIBUTING.md', 'CHANGELOG.md'].concat(
  globSync('docs/**/*.md', { cwd: root }),
)

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** Fenced code of one language, in the order of the page. */
function blocksOf(page: string, language: string): string[] {
  const fences = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm')
  return [...read(page).matchAll(fences)].map(([, code]) => code as string)
}

/** A folder as a reader of the page has it: the page's policy, a file to read, the package, and `kestrel` on the path. */
function aReader(page: string): { readonly folder: string; readonly env: NodeJS.ProcessEnv } {
  const folder = mkdtempSync(join(tmpdir(), 'kestrel-docs-'))
  folders.push(folder)
  const [policy] = blocksOf(page, 'yaml')
  if (policy !== undefined) writeFileSync(join(folder, 'policy.yaml'), policy)
  mkdirSync(join(folder, 'workspace'))
  writeFileSync(join(folder, 'workspace', 'data.csv'), 'city,people\nBern,134794\n')
  writeFileSync(join(folder, 'workspace', '.env'), 'PASSWORD=hunter2\n')
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(root, join(folder, 'node_modules', 'kestrel-kernel'))
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  writeFileSync(join(bin, 'kestrel'), `#!/bin/sh\nexec '${process.execPath}' '${join(root, 'dist/cli/bin.js')}' "$@"\n`)
  chmodSync(join(bin, 'kestrel'), 0o755)
  const env = {
    ...process.env,
    PATH: `${bin}:${process.env['PATH'] ?? ''}`,
    KESTREL_KEYS_DIR: join(folder, 'keys'),
    XDG_CONFIG_HOME: join(folder, 'config'),
    XDG_STATE_HOME: join(folder, 'state'),
    NO_COLOR: '1',
  }
  return { folder, env }
}

/** What a block says that it prints: the comments that end its `console.log` lines. */
function promisedBy(code: string): string[] {
  return [...code.matchAll(/^.*console\.log\(.*\) \/\/ (.*)$/gm)].map(([, output]) => output as string)
}

describe.each(['README.md', 'docs/getting-started.md'])('%s', (page) => {
  test('has TypeScript that compiles, runs, and prints what it says', () => {
    expect(existsSync(join(root, 'dist/index.js')), 'run `npm run build` first').toBe(true)
    const blocks = blocksOf(page, 'ts')
    expect([...blocks, ...blocksOf(page, 'console')]).not.toEqual([])
    for (const code of blocks) {
      const { folder, env } = aReader(page)
      const file = join(folder, 'example.ts')
      writeFileSync(file, code)
      writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
      const compiler = ['--noEmit', '--strict', '--target', 'esnext', '--module', 'nodenext', '--types', 'node']
      const types = join(root, 'node_modules', '@types')
      execFileSync('tsc', [...compiler, '--skipLibCheck', '--typeRoots', types, file], { cwd: folder, stdio: 'pipe' })
      const { stdout, stderr, status } = spawnSync(process.execPath, [file], { cwd: folder, env, encoding: 'utf8' })
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
      const promised = promisedBy(code)
      expect(stdout.trimEnd().split('\n')).toEqual(promised.length > 0 ? promised : expect.anything())
    }
  })

  test('has commands that work as printed', () => {
    const { folder, env } = aReader(page)
    for (const code of blocksOf(page, 'console')) {
      for (const { command, output } of commandsIn(code)) {
        const { stdout, stderr } = spawnSync('sh', ['-c', command], { cwd: folder, env, encoding: 'utf8', input: '' })
        expect(`$ ${command}\n${blurred(stdout + stderr)}`).toBe(`$ ${command}\n${blurred(output)}`)
      }
    }
  })
})

/** `$ command` lines, each with the lines below it. */
function commandsIn(code: string): { readonly command: string; readonly output: string }[] {
  return code
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const end = part.indexOf('\n')
      return { command: part.slice(0, end), output: part.slice(end + 1) }
    })
}

/** Without what differs from run to run: times, digests, keys, temporary folders. */
function blurred(output: string): string {
  return output
    .replaceAll(/\/[^\s`]*\/(?=\.kestrel\b)/g, '…/')
    .replaceAll(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?/g, 'TIME')
    .replaceAll(/kestrel\.local\/[0-9a-f]{16}/g, 'ORIGIN')
    .replaceAll(/\b[0-9a-f]{8,64}\b/g, 'HEX')
    .replaceAll(/\d+(?:\.\d+)? ms/g, 'N ms')
    .trimEnd()
}

describe('the pages', () => {
  test.each(pages)('%s links to what is there', (page) => {
    const links = [...read(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)/g)].map(
      ([, target]) => target as string,
    )
    const missing = links.filter((target) => !existsSync(join(root, dirname(page), target)))
    expect(missing).toEqual([])
  })

  test('docs/errors.md explains every code, each under an anchor of its own', () => {
    const anchors = [...read('docs/errors.md').matchAll(/^### (\S+)$/gm)].map(([, name]) => name as string)
    expect(anchors.sort()).toEqual([...Object.keys(errorTable), ...Object.keys(reasonTable)].sort())
  })

  test.each(Object.entries(errorTable))('docs/errors.md has the facts of %s', (code, { says, http, retryable }) => {
    const facts = `### ${code}\n*${says}* · HTTP ${http}${retryable ? ' · a retry can help' : ''}\n`
    expect(read('docs/errors.md')).toContain(facts)
  })

  test('docs/dependencies.md lists every dependency in its version', () => {
    const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<string, Record<string, string>>
    const listed = [...read('docs/dependencies.md').matchAll(/^\| `([^`]+)` \| (\S+) \|/gm)].map(
      ([, name, version]) => `${name} ${version}`,
    )
    const wanted = Object.entries({ ...dependencies, ...devDependencies }).map(
      ([name, version]) => `${name} ${version}`,
    )
    expect(listed.sort()).toEqual(wanted.sort())
  })

  test('every decision is in the list of decisions', () => {
    const records = globSync('docs/decisions/[0-9]*.md', { cwd: root }).map((path) => path.split('/').at(-1) as string)
    const listed = [...read('docs/decisions/README.md').matchAll(/\]\(([^)]+)\)/g)].map(([, target]) => target)
    expect(listed).toEqual(records.sort())
  })
})
