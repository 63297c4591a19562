import { join } from 'node:path'
import { createKernel } from '../../src/index.ts'
import { functions } from '../../src/effects/providers/index.ts'

// Answers one request, then hangs in the middle of another until it is killed.
const root = process.argv[2] as string
const kernel = await createKernel({
  policy: { version: 1, allow: [{ action: 'fn.*', resource: '**' }] },
  dataDir: join(root, 'data'),
  keysDir: join(root, 'keys'),
  providers: [
    functions({
      quick: () => ({ done: true }),
      hang: () => {
        process.stdout.write('acting\n')
        return new Promise<never>(() => setInterval(() => undefined, 1000))
      },
    }),
  ],
})
await kernel.submit({ action: 'fn.quick', resource: 'quick' })
await kernel.as({ id: 'alice' }).submit({ action: 'fn.hang', resource: 'hang' })
