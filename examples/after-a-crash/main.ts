import { strict as assert } from 'node:assert'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createKernel } from 'kestrel-kernel'
import { logFiles } from 'kestrel-kernel/ledger'
import { verifyLog } from 'kestrel-kernel/receipt'
import { payments } from './payments.ts'

// Run it: npm run build && node examples/after-a-crash/main.ts
const folder = mkdtempSync(join(tmpdir(), 'kestrel-example-'))
const places = { dataDir: join(folder, 'data'), keysDir: join(folder, 'keys') }
const policy = { version: 1, allow: [{ action: 'bank.pay', resource: '*' }] }
const pay = { action: 'bank.pay', resource: 'invoice-7', idempotencyKey: 'pay invoice 7' }
const book = join(folder, 'book')

try {
  const { signal } = spawnSync(process.execPath, [fileURLToPath(new URL('agent.ts', import.meta.url)), folder])
  assert.equal(signal, 'SIGKILL')
  console.log('an agent paid, and its process was killed before it could say so')

  const kernel = await createKernel({ policy, ...places, providers: [payments(book, false)] })
  const again = await kernel.as({ id: 'alice' }).submit(pay)
  assert.equal(again.status, 'unknown')
  assert.equal(readFileSync(book, 'utf8'), 'invoice-7\n')
  console.log(`asked again, it is told: ${again.status}; nothing is paid twice`)

  const settled = await kernel.resolve(again.seq, { as: 'done', reason: 'the bank statement shows it' })
  console.log(`a person looked into the book, and entry ${settled.seq} says that it was done`)
  await kernel.close()

  const { ok, size } = await verifyLog(logFiles(join(places.dataDir, 'ledger')), { vkey: kernel.vkey })
  assert.equal(ok, true)
  console.log(`the log verifies: ${size} entries, one for each thing that happened`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
