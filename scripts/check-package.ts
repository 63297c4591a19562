import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Packs the built package as a user would get it, and lets two judges look at the tarball. Needs a build and no network. */
const root = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'kestrel-pack-'))

try {
  run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder])
  const [tarball] = readdirSync(folder)
  if (tarball === undefined) throw new Error('`npm pack` made no tarball')
  const path = join(folder, tarball)
  run('publint', ['--strict', path])
  run('attw', ['--profile', 'esm-only', '--exclude-entrypoints', 'policy.schema.json', '--no-emoji', '--quiet', path])
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function run(command: string, args: readonly string[]): void {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (error !== undefined) throw error
  if (status !== 0) process.exitCode = 1
}
