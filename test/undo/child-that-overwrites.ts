import { closeSync, openSync, writeSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { createKernel } from '../../src/index.ts'
import { filesystem } from '../../src/effects/providers/index.ts'

// Overwrites a large file, undoes that, and says how much more memory it took than a small one: `{before, after, isBack}`.
const [root = '', megabytes = '1'] = process.argv.slice(2)
const file = join(root, 'workspace/large')
const piece = randomBytes(1_048_576)
const fd = openSync(file, 'w')
for (let i = 0; i < Number(megabytes); i++) {
  piece.writeUInt32BE(i)
  writeSync(fd, piece)
}
closeSync(fd)
await using kernel = await createKernel({
  policy: {
    version: 1,
    mounts: { '/w': join(root, 'workspace') },
    allow: [{ action: 'fs.*', resource: '/w/**', undo: 'required' }],
  },
  dataDir: join(root, 'data'),
  keysDir: join(root, 'keys'),
  providers: [filesystem()],
})
const operator = kernel.operator({ id: 'olga' })
const overwrite = async (name: string): Promise<boolean> => {
  const { seq } = await kernel.submit({ action: 'fs.write', resource: `/w/${name}`, params: { content: 'small' } })
  return (await operator.undo(seq)).status === 'ok'
}
await overwrite('small')
const before = process.resourceUsage().maxRSS
const isBack = await overwrite('large')
process.stdout.write(JSON.stringify({ before, after: process.resourceUsage().maxRSS, isBack }))
