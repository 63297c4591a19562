import { expect, test, vi } from 'vitest'

async function linesOf(run: () => Promise<unknown>): Promise<string> {
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined)
  try {
    await run()
    return log.mock.calls.map(([line]) => String(line)).join('\n')
  } finally {
    log.mockRestore()
  }
}

test('the example of a key-value store does what it says', async () => {
  const said = await linesOf(() => import('../../examples/key-value-store/main.ts'))
  expect(said).toContain('the undo undone: the second value is back')
  expect(said).toContain('nothing is overwritten')
  expect(said).toContain('the log verifies')
  expect(said).toMatch(/keeps the contract in \d+ cases$/)
})

test('the example of a mail outbox does what it says', async () => {
  const said = await linesOf(() => import('../../examples/mail-outbox/main.ts'))
  expect(said).toContain('sent, and told how far it was')
  expect(said).toContain('did not say whether it took the message')
  expect(said).toContain('was taken out of it')
  expect(said).toMatch(/keeps the contract in \d+ cases$/)
})
