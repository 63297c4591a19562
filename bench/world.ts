import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKernel, type Durability, type Kernel } from 'kestrel-kernel'
import { filesystem, functions } from 'kestrel-kernel/providers'

/** How many files of 1 KiB there are to read and to write over. */
export const files = 16
export const fileBytes = 1024

export const content: string = 'kestrel,bench,0123456789abcdef\n'.repeat(34).slice(0, fileBytes)

/** The policy of every benchmark but those of `decide`: three rules that allow and one that denies. */
function policyWith(undo: WorldOptions['undo']): object {
  return {
    version: 1,
    allow: [
      { action: 'fs.read', resource: '/workspace/**' },
      { action: 'fs.write', resource: '/workspace/output/**', undo },
      { action: 'fn.nothing', resource: '**' },
    ],
    deny: [{ action: 'fs.*', resource: '**/.env' }],
  }
}

export interface WorldOptions {
  readonly durability: Durability
  /** Whether a write keeps a before-image. */
  readonly undo: 'on' | 'off'
}

const usual: WorldOptions = { durability: 'default', undo: 'on' }

export interface BenchWorld extends AsyncDisposable {
  readonly root: string
  readonly kernel: Kernel
}

/** A kernel over a folder of files in the temporary directory, with keys of its own. */
export async function aWorld(options: Partial<WorldOptions> = {}): Promise<BenchWorld> {
  const root = mkdtempSync(join(tmpdir(), 'kestrel-bench-'))
  const kernel = await openKernel(root, options)
  return {
    root,
    kernel,
    async [Symbol.asyncDispose]() {
      await kernel.close()
      rmSync(root, { recursive: true, force: true })
    },
  }
}

/** Opens the kernel of a world's folder, which is filled when it is new. */
export function openKernel(root: string, options: Partial<WorldOptions> = {}): Promise<Kernel> {
  const { durability, undo } = { ...usual, ...options }
  const workspace = join(root, 'workspace')
  mkdirSync(join(workspace, 'output'), { recursive: true })
  for (let index = 0; index < files; index++) {
    writeFileSync(join(workspace, `in-${index}.csv`), content)
    writeFileSync(join(workspace, 'output', `out-${index}.csv`), content)
  }
  return createKernel({
    policy: { ...policyWith(undo), mounts: { '/workspace': workspace } },
    dataDir: join(root, 'data'),
    keysDir: join(root, 'keys'),
    providers: [filesystem(), functions({ nothing: { kind: 'observe', run: () => null } })],
    durability,
  })
}
