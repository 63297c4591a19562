import { expect, test, vi } from 'vitest'

test('the example of web requests does what it says', async () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined)
  await import('../../../examples/web-requests/main.ts')
  const said = log.mock.calls.map(([line]) => String(line)).join('\n')
  log.mockRestore()
  expect(said).toContain('ok      GET /api/report with Bearer {{secret:HOUSE_KEY}}')
  expect(said).toContain('an address that is not public')
  expect(said).toMatch(/never saw it$/)
})
