import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeFiles, type FileLayer } from '../../src/evidence/ledger/file-layer.ts'
import type { Provider } from '../../src/effects/provider.ts'
import { limits } from '../../src/base/limits.ts'
import { createKernel, type Kernel } from '../../src/kernel/kernel.ts'
import type { Outcome } from '../../src/kernel/outcome.ts'

export const denied = { action: 'note.read', resource: '/workspace/.env' }
export const noted = { action: 'note.write', resource: '/workspace/a' }

/** What the disk of the log has left, as a test says. */
export interface Room {
  freeBytes: number
}

export interface FloodedWorld extends AsyncDisposable {
  readonly kernel: Kernel
  /** Bytes of sealed payloads on the disk. */
  readonly vaultBytes: number
  /** How often something was written. */
  readonly effects: number
  /** A mutation that stands between its intent and its entry until it is released. */
  hold(outcome: Promise<Outcome>): { begun: Promise<void>; release(): void; outcome: Promise<Outcome> }
  /** Lets the kernel ask its disk again. */
  forgetSpace(): Promise<void>
}

/** A kernel with a provider that waits when told to, over a disk whose free space a test sets. */
export async function aFloodedWorld(room: Room = { freeBytes: 10 ** 12 }, layer?: FileLayer): Promise<FloodedWorld> {
  const root = mkdtempSync(join(tmpdir(), 'kestrel-flood-'))
  mkdirSync(join(root, 'w'))
  const begun = Promise.withResolvers<void>()
  const release = Promise.withResolvers<void>()
  let effects = 0
  let aheadMs = 0
  const provider: Provider = {
    name: 'note',
    actions: {
      'note.read': { kind: 'observe', readResource: asItIs, perform: () => ({ effect: 'done' }) },
      'note.write': {
        kind: 'mutate',
        readResource: asItIs,
        async perform() {
          effects++
          begun.resolve()
          await release.promise
          return { effect: 'done' }
        },
      },
    },
  }
  const files: FileLayer = layer ?? {
    ...nodeFiles,
    space: () => Promise.resolve({ freeBytes: room.freeBytes, totalBytes: 10 ** 13 }),
  }
  const policy = {
    version: 1,
    allow: [{ action: 'note.*', resource: '**' }],
    deny: [{ action: 'note.*', resource: '**/.env' }],
  }
  const clock = { now: () => Date.now(), monotonicMs: () => performance.now() + aheadMs }
  const places = { dataDir: join(root, 'data'), keysDir: join(root, 'keys') }
  const kernel = await createKernel({ policy, ...places, providers: [provider], clock }, { files })
  return {
    kernel,
    get vaultBytes() {
      const files = readdirSync(join(places.dataDir, 'vault'), { recursive: true, withFileTypes: true })
      return files.reduce((sum, file) => sum + (file.isFile() ? statSync(join(file.parentPath, file.name)).size : 0), 0)
    },
    get effects() {
      return effects
    },
    hold: (outcome) => ({ begun: begun.promise, release: () => release.resolve(), outcome }),
    async forgetSpace() {
      aheadMs += limits.spaceAgeMs + 1
      // The first to ask is told what was known; the disk is asked behind it.
      await kernel.submit({ ...denied, dryRun: true })
      await new Promise((resolve) => setImmediate(resolve))
    },
    async [Symbol.asyncDispose]() {
      await kernel.close()
      rmSync(root, { recursive: true, force: true })
    },
  }
}

function asItIs(raw: string): { canonical: string } {
  return { canonical: raw }
}
