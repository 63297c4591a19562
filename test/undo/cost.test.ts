import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { nodeFiles, type FileLayer } from '../../src/evidence/ledger/file-layer.ts'
import { filesystem } from '../../src/effects/providers/index.ts'
import { createKernel } from '../../src/kernel/kernel.ts'
import { guards } from '../guards.ts'

async function syncsOfAWrite(root: string, undo: 'off' | 'required'): Promise<number> {
  const workspace = join(root, undo)
  mkdirSync(workspace)
  let syncs = 0
  const files: FileLayer = { ...nodeFiles, sync: (fd) => (syncs++, nodeFiles.sync(fd)) }
  const options = {
    policy: { version: 1, mounts: { '/w': workspace }, allow: [{ action: 'fs.write', resource: '/w/**', undo }] },
    dataDir: join(root, `data-${undo}`),
    keysDir: join(root, 'keys'),
    providers: [filesystem()],
  }
  await using kernel = await createKernel(options, { files })
  const write = { action: 'fs.write', resource: '/w/a', params: { content: 'x'.repeat(50_000) } }
  // The first makes the files of the day.
  await kernel.submit(write)
  await kernel.submit(write)
  const before = syncs
  for (let i = 0; i < 10; i++) expect(await kernel.submit(write)).toMatchObject({ status: 'ok' })
  return (syncs - before) / 10
}

describe('what an image costs', () => {
  guards('UNDO-02')

  test('is at most one more sync a write', async () => {
    const root = mkdtempSync(join(tmpdir(), 'kestrel-undo-'))
    try {
      const without = await syncsOfAWrite(root, 'off')
      const withImage = await syncsOfAWrite(root, 'required')
      // A checkpoint may be published meanwhile, which syncs as well.
      expect(withImage - without).toBeLessThan(1.5)
      expect(withImage).toBeGreaterThan(without)
    } finally {
      rmSync(root, { recursive: true, force: true })
    }
  })

  test('is no memory: a large file is kept and given back in pieces', () => {
    const root = mkdtempSync(join(tmpdir(), 'kestrel-undo-'))
    try {
      mkdirSync(join(root, 'workspace'))
      const child = join(import.meta.dirname, 'child-that-overwrites.ts')
      const { stdout, stderr } = spawnSync(process.execPath, [child, root, '320'], { encoding: 'utf8' })
      expect(stderr).toBe('')
      const { before, after, isBack } = JSON.parse(stdout) as { before: number; after: number; isBack: boolean }
      expect(isBack).toBe(true)
      expect(statSync(join(root, 'workspace/large')).size).toBe(320 * 1_048_576)
      expect(readFileSync(join(root, 'workspace/large')).readUInt32BE(319 * 1_048_576)).toBe(319)
      // In KiB: half of the file, however lazily memory is given back.
      expect(after - before).toBeLessThan(160 * 1024)
    } finally {
      rmSync(root, { recursive: true, force: true })
    }
  })
})
