import { join } from 'node:path'
import { createKernel } from '../../src/index.ts'
import { http } from '../../src/effects/providers/index.ts'

// Orders, or undoes an order; the server kills it at the request, while the intent is durable and the entry is not.
const [root = '', policy = '', request = '', undone] = process.argv.slice(2)
const kernel = await createKernel({
  policy: JSON.parse(policy) as object,
  dataDir: join(root, 'data'),
  keysDir: join(root, 'keys'),
  providers: [http()],
})
if (undone === undefined) await kernel.submit(request)
else await kernel.operator({ id: 'olga' }).undo(Number(undone))
