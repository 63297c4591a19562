import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createKernel, type AgentHandle, type Kernel, type KernelOptions, type Outcome } from 'kestrel-kernel'
import { openLog } from 'kestrel-kernel/ledger'
import { filesystem } from 'kestrel-kernel/providers'
import { parseEntry, type Entry } from '../src/evidence/ledger/entry.ts'

/** What must never be read, shown or logged. */
export const canary = 'canary-5f1e9c-do-not-tell'

export interface WorldOptions {
  /** Files below the mounted folder; `../secret` lies beside it, outside every mount. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>
  /** Rules and sections of the policy besides `version` and `mounts`. Default: all of `fs` below `/workspace`. */
  readonly policy?: object
  readonly kernel?: Partial<KernelOptions>
}

/** A temporary folder with a workspace, a policy, keys, a data directory and a kernel over them. */
export interface World extends AsyncDisposable {
  readonly root: string
  readonly workspace: string
  readonly dataDir: string
  readonly keysDir: string
  kernel: Kernel
  submit(action: string, resource: string, params?: object): Promise<Outcome>
  as(id: string, ...roles: string[]): AgentHandle
  /** Closes the kernel and reads every entry. */
  entries(): Promise<Entry[]>
  /** The entries of attempts only. */
  attempts(): Promise<Entry[]>
  /** Closes and opens the kernel again, perhaps with other options. */
  reopen(options?: Partial<KernelOptions>): Promise<Kernel>
  /** Opens a second kernel over the same data directory while this one runs. */
  reopenBeside(): Promise<Kernel>
  read(path: string): string
  exists(path: string): boolean
}

const everyFile = { allow: [{ action: 'fs.*', resource: '/workspace/**' }] }

export async function aWorld(options: WorldOptions = {}): Promise<World> {
  const root = mkdtempSync(join(tmpdir(), 'kestrel-world-'))
  const workspace = join(root, 'workspace')
  mkdirSync(workspace)
  for (const [path, content] of Object.entries(options.files ?? {})) {
    const file = join(workspace, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, content)
  }
  const places = { dataDir: join(root, 'data'), keysDir: join(root, 'keys') }
  const configured: KernelOptions = {
    policy: { version: 1, mounts: { '/workspace': workspace }, ...(options.policy ?? everyFile) },
    providers: [filesystem()],
    ...places,
    ...options.kernel,
  }
  const world: World = {
    root,
    workspace,
    ...places,
    kernel: await createKernel(configured),
    submit: (action, resource, params) => world.kernel.submit({ action, resource, ...(params && { params }) } as never),
    as: (id, ...roles) => world.kernel.as({ id, roles }),
    async entries() {
      await world.kernel.close()
      const log = await openLog(join(configured.dataDir, 'ledger'))
      const found: Entry[] = []
      for await (const { bytes } of log.entries(0)) found.push(parseEntry(bytes))
      return found
    },
    attempts: async () => (await world.entries()).filter((entry) => entry.kind === 'action'),
    async reopen(more = {}) {
      await world.kernel.close().catch(() => undefined)
      world.kernel = await createKernel({ ...configured, ...more })
      return world.kernel
    },
    reopenBeside: () => createKernel(configured),
    read: (path) => readFileSync(join(workspace, path), 'utf8'),
    exists: (path) => existsSync(join(workspace, path)),
    async [Symbol.asyncDispose]() {
      await world.kernel.close().catch(() => undefined)
      chmodSync(root, 0o700)
      rmSync(root, { recursive: true, force: true })
    },
  }
  return world
}
