import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKernel, type Kernel } from 'kestrel-kernel'
import { describe, expect, test } from 'vitest'
import { guards } from '../guards.ts'

/** A folder that is to be a data directory, with `names` in it: folders end in a slash. */
function aFolder(names: readonly string[]): Disposable & { readonly data: string; start(): Promise<Kernel> } {
  const root = mkdtempSync(join(tmpdir(), 'kestrel-first-start-'))
  const data = join(root, 'data')
  mkdirSync(data)
  for (const name of names) {
    if (name.endsWith('/')) mkdirSync(join(data, name), { recursive: true })
    else writeFileSync(join(data, name), '')
  }
  return {
    data,
    start: () => createKernel({ policy: { version: 1 }, dataDir: data, keysDir: join(root, 'keys'), providers: [] }),
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  }
}

describe('a first start', () => {
  guards('LED-02', 'LED-12')

  test.each([
    [[]],
    [['lock']],
    [['lock', 'lock.owner']],
    [['.gitignore']],
    [['vault/']],
    [['ledger/']],
    [['lock', 'lock.owner', '.gitignore', 'vault/']],
    [['lock', '.gitignore', 'vault/', 'ledger/']],
    [['.gitignore', 'vault/', 'ledger/', 'ledger/vkey.new']],
  ])('goes on from what one that was cut left: %j', async (names) => {
    using place = aFolder(names)
    const kernel = await place.start()
    await kernel.close()
    expect(readFileSync(join(place.data, 'ledger', 'vkey'), 'utf8')).toBe(`${kernel.vkey}\n`)
    expect(readFileSync(join(place.data, '.gitignore'), 'utf8')).toBe('*\n')
    const again = await place.start()
    await again.close()
    expect(again.vkey).toBe(kernel.vkey)
  })

  test.each([
    [['notes.txt']],
    [['.git/', '.gitignore']],
    [['vault/', 'notes.txt']],
    [['ledger/', 'lock', 'state.db']],
    [['ledger.csv']],
  ])('leaves what may be of somebody else alone: %j', async (names) => {
    using place = aFolder(names)
    const before = readdirSync(place.data)
    await expect(place.start()).rejects.toMatchObject({ code: 'OPTIONS_INVALID' })
    expect(readdirSync(place.data)).toEqual(before)
  })

  test('never begins another log in the place of one that was taken away', async () => {
    using place = aFolder([])
    await (await place.start()).close()
    const vkey = join(place.data, 'ledger', 'vkey')
    copyFileSync(vkey, `${place.data}.vkey`)
    rmSync(join(place.data, 'ledger'), { recursive: true })
    await expect(place.start()).rejects.toMatchObject({ code: 'OPTIONS_INVALID' })
    mkdirSync(join(place.data, 'ledger'))
    copyFileSync(`${place.data}.vkey`, vkey)
    await expect(place.start()).rejects.toMatchObject({ code: 'LEDGER_ROLLED_BACK' })
  })

  test('of two at once in one process, one gets in', async () => {
    using place = aFolder([])
    const starts = await Promise.allSettled([place.start(), place.start()])
    const kernels = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []))
    expect(kernels).toHaveLength(1)
    for (const start of starts) {
      if (start.status === 'rejected') expect(start.reason).toMatchObject({ code: 'LEDGER_LOCKED' })
    }
    await kernels[0]?.close()
    await (await place.start()).close()
  })
})
