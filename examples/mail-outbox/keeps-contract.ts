import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Provider } from 'kestrel-kernel/providers'
import { providerContract } from 'kestrel-kernel/providers/contract'
import type { MailServer } from './a-mail-server.ts'
import { mail } from './mail.ts'
import { compose } from './message.ts'

const id = '01234567-89ab-4cde-8f01-23456789abcd'

/** Runs the contract suite against the provider, without any test framework. @returns how many cases it kept; @throws what is broken */
export async function keepsContract(folder: string, server: MailServer): Promise<number> {
  const outbox = join(folder, 'contract')
  const [from, to] = ['agent@example.com', 'alice@example.com']
  const makeProvider = (): Provider => {
    rmSync(outbox, { recursive: true, force: true })
    mkdirSync(join(outbox, 'waiting'), { recursive: true })
    const date = new Date(Date.now() + 3_600_000)
    const message = compose({ id, from, to, subject: 'later', text: 'later', date })
    writeFileSync(join(outbox, 'waiting', `${date.getTime()}-${id}.eml`), message)
    return mail({ folder: outbox, server: { host: '127.0.0.1', port: server.port }, from })
  }
  const world = (): number[] => [
    server.taken.length,
    ...['waiting', 'sending', 'sent', 'uncertain', 'unsent'].map((state) => readdirSync(join(outbox, state)).length),
  ]
  const cases = providerContract(makeProvider, {
    'mail.send': { resource: to, params: { subject: 'hello', text: 'hello', delayMs: 0 }, world },
    'mail.unsend': { resource: to, params: { id }, world },
    'mail.status': { resource: to, params: { id }, world },
  })
  for (const { name, run } of cases) {
    await run().catch((cause: unknown) => {
      throw new Error(`the provider does not keep the contract: ${name}`, { cause })
    })
  }
  return cases.length
}
