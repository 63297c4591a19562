import { expect, test, vi } from 'vitest'

test('the example of a custom provider does what it says', async () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined)
  await import('../../examples/custom-provider/main.ts')
  const said = log.mock.calls.map(([line]) => String(line)).join('\n')
  log.mockRestore()
  expect(said).toContain('ok      heat.set house/kitchen')
  expect(said).toContain('denied  heat.set house/nursery')
  expect(said).toMatch(/keeps the contract in 18 cases$/)
})
