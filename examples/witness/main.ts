import { strict as assert } from 'node:assert'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

// Run it: npm run build && node examples/witness/main.ts
const folder = mkdtempSync(join(tmpdir(), 'kestrel-example-'))
const kestrel = fileURLToPath(new URL('../../node_modules/.bin/kestrel', import.meta.url))
const environment = { ...process.env, KESTREL_KEYS_DIR: join(folder, 'keys'), XDG_CONFIG_HOME: join(folder, 'config') }

/** One command of the log's owner, and the status it ends with. */
function run(expected: number, ...words: string[]): string {
  const { status, stdout, stderr } = spawnSync(kestrel, words, { cwd: folder, env: environment, encoding: 'utf8' })
  assert.equal(status, expected, stderr)
  return stdout.trim()
}

try {
  run(0, 'init')
  run(5, 'submit', 'fs.read', '/workspace/a.txt')
  const vkey = run(0, 'key')

  // Elsewhere, in real life: another machine, another administrator.
  const witnessKey = join(folder, 'witness.key')
  const witness = run(0, 'witness', 'key', '--key', witnessKey, '--new', 'witness.example/w1')
  const places = ['--state', join(folder, 'witness'), '--key', witnessKey, '--log', vkey]
  const server = spawn(kestrel, ['witness', 'serve', '--listen', '127.0.0.1:0', ...places, '--json'], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const [line] = (await once(createInterface({ input: server.stdout }), 'line')) as [string]
    const { url } = JSON.parse(line) as { url: string }
    cpSync(join(folder, '.kestrel'), join(folder, 'older'), { recursive: true })
    run(5, 'submit', 'fs.read', '/workspace/b.txt')
    run(0, 'witness', 'request', url, '--witness', witness)
    console.log('a witness has seen the log as it is now')
    console.log(run(0, 'verify', '--no-memory', '--vkey', vkey, '--witness', witness))

    run(6, 'verify', join(folder, 'older', 'ledger'), '--no-memory', '--vkey', vkey, '--witness', witness)
    console.log('an older copy of the log verifies by itself, but no witness stands by it')
  } finally {
    server.kill()
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
