import { spawnSync } from 'node:child_process'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Runs every check of this project, or those named on the command line, and says at the end which failed. A failed check does
 * not hide the others, except that nothing runs on a failed build.
 */
const checks: Readonly<Record<string, readonly string[]>> = {
  build: ['node', 'scripts/build.ts'],
  types: ['tsc', '-p', 'tsconfig.json', '--noEmit'],
  lint: ['oxlint'],
  format: ['oxfmt', '--check'],
  unused: ['knip', '--no-progress'],
  package: ['node', 'scripts/check-package.ts'],
  tests: ['vitest', 'run'],
}

const root = fileURLToPath(new URL('..', import.meta.url))
const env = { ...process.env, PATH: [join(root, 'node_modules', '.bin'), process.env['PATH']].join(delimiter) }
const named = process.argv.slice(2)
const unknown = named.filter((name) => !(name in checks))
if (unknown.length > 0) {
  console.error(`no check \`${unknown.join('`, `')}\`; there are ${Object.keys(checks).join(', ')}`)
  process.exit(2)
}

const results: { readonly name: string; readonly seconds: number; readonly isGood: boolean }[] = []
for (const name of named.length > 0 ? named : Object.keys(checks)) {
  console.log(`\n— ${name}`)
  const isGood = run(name)
  if (!isGood && name === 'build') break
}
report()

function run(name: string): boolean {
  const [command, ...args] = checks[name] as readonly [string, ...string[]]
  const startMs = performance.now()
  const { status, error } = spawnSync(command, args, { cwd: root, env, stdio: 'inherit' })
  if (error !== undefined)
    console.error(`\`${command}\` cannot be started: ${error.message}; run this through npm, after \`npm ci\``)
  const isGood = status === 0
  results.push({ name, seconds: (performance.now() - startMs) / 1000, isGood })
  return isGood
}

function report(): void {
  console.log()
  for (const { name, seconds, isGood } of results) {
    console.log(`${isGood ? 'ok    ' : 'FAILED'} ${name.padEnd(8)} ${seconds.toFixed(1).padStart(6)} s`)
  }
  process.exitCode = results.every(({ isGood }) => isGood) ? 0 : 1
}
