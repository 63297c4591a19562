import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { limits } from '../../src/base/limits.ts'
import type { Answer } from '../../src/effects/providers/index.ts'
import { filesystemOn } from '../../src/effects/providers/filesystem/filesystem.ts'
import { hostVolume } from '../../src/effects/providers/filesystem/volume.ts'
import { aHost, type Host } from './a-host.ts'

/** A disk whose syncs end when the test says so. Knows of each whether it is of a folder, and what the folder held when it began. */
class Disk {
  readonly folders: { readonly held: readonly string[]; readonly end: (error?: Error) => void }[] = []
  files = 0
  running = 0
  most = 0
  private readonly host: Host
  private readonly path: string

  constructor(host: Host, path: string) {
    this.host = host
    this.path = path
  }

  writer(): (name: string) => Promise<Answer> {
    const volume = hostVolume()
    const opened = new Set<number>()
    const provider = filesystemOn({
      ...volume,
      open: (spot, flags) => {
        const fd = volume.open(spot, flags)
        opened.add(fd)
        return fd
      },
      sync: (fd) => (opened.has(fd) ? this.syncFolder() : this.syncFile()),
    })
    return async (name) =>
      (await provider.actions['fs.write']?.perform(
        this.host.call('fs.write', `/w/${name}`, { content: name }),
      )) as Answer
  }

  private syncFolder(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const end = (error?: Error): void => (error === undefined ? resolve() : reject(error))
    this.folders.push({ held: readdirSync(this.host.path(this.path)), end })
    return promise
  }

  private async syncFile(): Promise<void> {
    this.files++
    this.most = Math.max(this.most, ++this.running)
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate)
    this.running--
  }
}

const settled = async (until: () => boolean): Promise<void> => {
  for (let turn = 0; turn < 10_000 && !until(); turn++) await new Promise(setImmediate)
}

describe('many writes into one folder', () => {
  test('wait for one sync that began after all of them, and no answer comes before it ends', async () => {
    using host = aHost()
    const disk = new Disk(host, 'w')
    const write = disk.writer()
    const answered: string[] = []
    const names = Array.from({ length: 60 }, (_, i) => `f${i}`)
    const first = write('first').then(() => answered.push('first'))
    await settled(() => disk.folders.length === 1)
    const rest = names.map(async (name) => {
      await write(name)
      answered.push(name)
    })
    await settled(() => names.every((name) => readdirSync(host.path('w')).includes(name)))
    await new Promise(setImmediate)
    expect(disk.folders).toHaveLength(1)
    expect(answered).toEqual([])
    disk.folders[0]?.end()
    await first
    await settled(() => disk.folders.length === 2)
    expect(disk.folders[1]?.held.toSorted()).toEqual(['first', ...names].toSorted())
    await new Promise(setImmediate)
    expect(answered).toEqual(['first'])
    disk.folders[1]?.end()
    await Promise.all(rest)
    expect(disk.folders).toHaveLength(2)
    expect(disk.files).toBe(61)
    // The sync of the folder takes a turn as well.
    expect(disk.most).toBeLessThan(limits.diskTurns)
    expect(disk.most).toBeGreaterThan(1)
  })

  test('are all uncertain when the folder’s sync fails, also those that waited for the next; a later write starts afresh', async () => {
    using host = aHost()
    const disk = new Disk(host, 'w')
    const write = disk.writer()
    const first = write('first')
    await settled(() => disk.folders.length === 1)
    const second = write('second')
    await settled(() => readdirSync(host.path('w')).includes('second'))
    disk.folders[0]?.end(Object.assign(new Error('EIO: by the test'), { code: 'EIO' }))
    expect(await first).toMatchObject({ effect: 'uncertain' })
    expect(await second).toMatchObject({ effect: 'uncertain' })
    expect(disk.folders).toHaveLength(1)
    const third = write('third')
    await settled(() => disk.folders.length === 2)
    disk.folders[1]?.end()
    expect(await third).toMatchObject({ effect: 'done' })
    expect(readFileSync(host.path('w/third'), 'utf8')).toBe('third')
  })
})
