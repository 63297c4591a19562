import { strict as assert } from 'node:assert'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { createKernel } from 'kestrel-kernel'
import { logFiles } from 'kestrel-kernel/ledger'
import { verifyLog } from 'kestrel-kernel/receipt'
import { keepsContract } from './keeps-contract.ts'
import { keyValues } from './key-values.ts'

// Run it: npm run build && node examples/key-value-store/main.ts
const folder = mkdtempSync(join(tmpdir(), 'kestrel-example-'))
const file = join(folder, 'store.db')
const places = { dataDir: join(folder, 'data'), keysDir: join(folder, 'keys') }
const policy = {
  version: 1,
  allow: [
    { action: 'kv.*', resource: 'notes' },
    { action: 'kv.*', resource: 'notes/*', undo: 'required' },
    { action: 'kv.put', resource: 'vault/*', undo: 'required' },
  ],
  deny: [
    { action: 'kv.get', resource: 'vault/*' },
    { action: 'kv.delete', resource: 'notes/rules' },
  ],
}

try {
  const kernel = await createKernel({ policy, ...places, providers: [keyValues(file)] })
  const agent = kernel.as({ id: 'alice' })
  const operator = kernel.operator({ id: 'olga' })
  const submit = (action: string, resource: string, params = {}): ReturnType<typeof agent.submit> =>
    agent.submit({ action, resource, params })
  const put = (key: string, value: string): ReturnType<typeof submit> => submit('kv.put', `notes/${key}`, { value })
  const value = async (key: string): Promise<unknown> =>
    ((await submit('kv.get', `notes/${key}`)).result as { value?: string } | undefined)?.value
  /** What others do to the file while no action runs. */
  const directly = (sql: string): void => {
    const database = new DatabaseSync(file)
    database.exec(sql)
    database.close()
  }

  const first = await put('today', 'buy tea')
  const second = await put('today', 'buy coffee')
  assert.deepEqual([first.status, second.status], ['ok', 'ok'])
  const undone = await operator.undo(second.seq)
  assert.deepEqual([undone.status, await value('today')], ['ok', 'buy tea'])
  console.log('put, overwritten, undone: the first value is back')
  assert.equal((await operator.undo(undone.seq)).status, 'ok')
  assert.equal(await value('today'), 'buy coffee')
  console.log('the undo undone: the second value is back')

  const stale = await operator.undo(first.seq)
  assert.deepEqual([stale.status, stale.reason?.code], ['denied', 'undo_conflict'])
  directly("UPDATE pairs SET value = 'buy milk' WHERE key = 'today'")
  const third = await put('week', 'rest')
  directly("DELETE FROM pairs WHERE key = 'week'")
  assert.equal((await operator.undo(third.seq)).reason?.code, 'undo_conflict')
  assert.deepEqual([await value('today'), await value('week')], ['buy milk', undefined])
  console.log('changed by somebody else since: nothing is overwritten')
  assert.equal((await operator.undo(first.seq, { force: true })).status, 'ok')
  assert.equal(await value('today'), undefined)
  console.log('by force: before the first put there was nothing, and so it is again')

  const rules = await put('rules', 'be kind')
  assert.equal((await operator.undo(rules.seq)).reason?.code, 'denied_by_rule')
  const blind = await submit('kv.put', 'vault/pin', { value: '1234' })
  assert.equal(blind.reason?.code, 'undo_unavailable')
  console.log(
    'what may not be deleted is not undone into nothing; what may not be read gets no image, so it is refused',
  )

  const table = [
    [await submit('kv.list', 'notes'), 'ok', { keys: ['rules'] }],
    [await submit('kv.delete', 'notes/none'), 'failed', 'not_found'],
    [await submit('kv.delete', 'notes/rules'), 'denied', 'denied_by_rule'],
    [await submit('kv.put', 'notes/../vault/pin', { value: '1' }), 'invalid', 'invalid_request'],
    [await submit('kv.put', 'notes/a', { value: 'x'.repeat(32_769) }), 'invalid', 'invalid_request'],
    [await submit('kv.put', 'notes/a', { value: 'x', ttl: 5 }), 'invalid', 'invalid_request'],
    [await submit('kv.get', 'vault/pin'), 'denied', 'denied_by_rule'],
  ] as const
  for (const [{ status, action, resource, result, error, reason }, expected, what] of table) {
    const said = result === undefined ? (error ?? reason)?.code : JSON.parse(JSON.stringify(result))
    assert.deepEqual([status, said], [expected, what])
    console.log(`${status.padEnd(8)}${action} ${resource}: ${JSON.stringify(said)}`)
  }
  await kernel.close()

  const { ok, size } = await verifyLog(logFiles(join(places.dataDir, 'ledger')), { vkey: kernel.vkey })
  assert.equal(ok, true)
  console.log(`the log verifies: ${size} entries`)
  console.log(`the provider keeps the contract in ${await keepsContract(folder)} cases`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
