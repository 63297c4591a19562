import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createKernel, type Kernel } from '../../src/kernel/kernel.ts'
import { nodeFiles, type FileLayer } from '../../src/evidence/ledger/file-layer.ts'
import { functions } from '../../src/effects/providers/index.ts'
import { aWorld } from '../world.ts'
import { acting } from './an-unknown.ts'

/** A disk that can be told to answer no sync for a while. */
function aSlowDisk(): { readonly files: FileLayer; hold(): void; release(): void; asked: Promise<void> } {
  let [held, release]: [Promise<void>, () => void] = [Promise.resolve(), () => undefined]
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>()
  let isHeld = false
  return {
    files: {
      ...nodeFiles,
      async sync(fd) {
        if (isHeld) ask()
        await held
        await nodeFiles.sync(fd)
      },
    },
    hold() {
      const holding = Promise.withResolvers<void>()
      ;[held, release, isHeld] = [holding.promise, holding.resolve, true]
    },
    release: () => release(),
    asked,
  }
}

const requests = {
  mutation: { action: 'test.act', resource: 'x' },
  observation: { action: 'fn.look', resource: 'look' },
  refusal: { action: 'fn.look', resource: 'forbidden' },
} as const

const levels: [keyof typeof requests, 'default' | 'strict', boolean][] = [
  ['mutation', 'default', true],
  ['mutation', 'strict', true],
  ['observation', 'default', false],
  ['observation', 'strict', true],
  ['refusal', 'default', false],
  ['refusal', 'strict', true],
]

describe('an answer waits for the disk where its level says so', () => {
  test.each(levels)('%s, %s: %s', async (kind, durability, waits) => {
    const disk = aSlowDisk()
    await using world = await aWorld()
    await world.kernel.close()
    const kernel: Kernel = await createKernel(
      {
        policy: {
          version: 1,
          allow: [{ action: '**', resource: '**' }],
          deny: [{ action: '**', resource: 'forbidden' }],
        },
        dataDir: world.dataDir,
        keysDir: world.keysDir,
        durability,
        providers: [
          acting(() => 'done').provider,
          functions({ look: { run: () => 'seen', kind: 'observe' } as never }),
        ],
      },
      { files: disk.files },
    )
    try {
      disk.hold()
      let isAnswered = false
      const answer = kernel.submit(requests[kind]).then((outcome) => ((isAnswered = true), outcome))
      if (waits) {
        await disk.asked
        for (let i = 0; i < 50; i++) await turn()
        expect(isAnswered).toBe(false)
        disk.release()
      }
      expect(await answer).toMatchObject({ status: kind === 'refusal' ? 'denied' : 'ok' })
    } finally {
      disk.release()
      await kernel.close()
    }
  })
})
