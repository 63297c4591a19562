import { join } from 'node:path'
import { createKernel } from 'kestrel-kernel'
import { payments } from './payments.ts'

/** The process that dies: it pays, and does not live to say so. */
const [folder = '.'] = process.argv.slice(2)
const places = { dataDir: join(folder, 'data'), keysDir: join(folder, 'keys') }
const policy = { version: 1, allow: [{ action: 'bank.pay', resource: '*' }] }
const pay = { action: 'bank.pay', resource: 'invoice-7', idempotencyKey: 'pay invoice 7' }

const kernel = await createKernel({ policy, ...places, providers: [payments(join(folder, 'book'), true)] })
await kernel.as({ id: 'alice' }).submit(pay)
