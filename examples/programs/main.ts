import { strict as assert } from 'node:assert'
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKernel } from 'kestrel-kernel'
import { describeJail, processes } from 'kestrel-kernel/providers'

// Run it: npm run build && node examples/programs/main.ts
const folder = mkdtempSync(join(tmpdir(), 'kestrel-example-'))
mkdirSync(join(folder, 'workspace'))

// A rule names the file that runs, every link followed: on some systems `/usr/bin/sort` is a link to another program.
const sort = realpathSync('/usr/bin/sort')
const sleep = realpathSync('/bin/sleep')
const policy = {
  version: 1,
  mounts: { '/workspace': join(folder, 'workspace') },
  allow: [
    // Exactly these arguments; `sort` can also run programs and write files (`--compress-program`, `-o`).
    { action: 'proc.exec', resource: sort, constraint: { args: ['--numeric-sort'] } },
    { action: 'proc.exec', resource: sleep, when: 'size(params.args) == 1 && has(params.timeoutMs)' },
  ],
}

// Where there is neither a jail nor another user to run as, programs run only if the operator bears that they reach the keys.
const { tier, why } = describeJail()
console.log(why)

try {
  await using kernel = await createKernel({
    policy,
    dataDir: join(folder, 'data'),
    keysDir: join(folder, 'keys'),
    providers: [processes(tier === 'none' ? { jail: 'never' } : {})],
  })
  const agent = kernel.as({ id: 'alice', roles: [] })
  const exec = (resource: string, params: object): ReturnType<typeof agent.submit> =>
    agent.submit({ action: 'proc.exec', resource, params } as Parameters<typeof agent.submit>[0])

  const sorted = await exec('sort', { args: ['--numeric-sort'], stdin: '10\n9\n1\n' })
  assert.equal(sorted.status, 'ok')
  assert.deepEqual({ ...(sorted.result as object) }, { exitCode: 0, signal: null, stdout: '1\n9\n10\n', stderr: '' })

  const unlisted = await exec('sort', { args: ['--numeric-sort', '--output=/workspace/x'] })
  assert.equal(unlisted.reason?.code, 'constraint_mismatch')

  const shell = await exec('/bin/sh', { args: ['-c', 'id'] })
  assert.equal(shell.reason?.code, 'no_matching_rule')

  const slow = await exec('sleep', { args: ['60'], timeoutMs: 100 })
  assert.equal(slow.status, 'failed')
  assert.equal(slow.error?.code, 'timeout')

  for (const { status, resource, reason, error, result } of [sorted, unlisted, shell, slow]) {
    console.log(`${status.padEnd(8)}${resource}: ${error?.message ?? reason?.message ?? JSON.stringify(result)}`)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
