import { join } from 'node:path'
import { createKernel } from '../../src/index.ts'
import { filesystem, type ActionDefinition } from '../../src/effects/providers/index.ts'

// Kills itself right before or right after the effect of one request, while its intent is durable and its entry is not.
const [root = '', cut, request = '', undone] = process.argv.slice(2)

function dying(definition: ActionDefinition): ActionDefinition {
  const dieBefore = (): void => {
    if (cut === 'before') process.kill(process.pid, 'SIGKILL')
  }
  const die = async <T>(acting: Promise<T> | T): Promise<T> => {
    await acting
    process.kill(process.pid, 'SIGKILL')
    return acting
  }
  const { reversal } = definition
  return {
    ...definition,
    perform: (call) => {
      if (undone !== undefined) return definition.perform(call)
      dieBefore()
      return die(definition.perform(call))
    },
    ...(reversal !== undefined && {
      reversal: {
        ...reversal,
        restore: (image, call, contents) => {
          dieBefore()
          return die(reversal.restore(image, call, contents))
        },
      },
    }),
  }
}

const { name, actions, close } = filesystem()
const kernel = await createKernel({
  policy: {
    version: 1,
    mounts: { '/workspace': join(root, 'workspace') },
    allow: [{ action: 'fs.*', resource: '/workspace/**' }],
  },
  dataDir: join(root, 'data'),
  keysDir: join(root, 'keys'),
  providers: [
    {
      name,
      ...(close && { close }),
      actions: Object.fromEntries(Object.entries(actions).map(([action, each]) => [action, dying(each)])),
    },
  ],
})
const { seq } = await kernel.submit(request)
if (undone !== undefined) await kernel.operator({ id: 'olga' }).undo(seq)
