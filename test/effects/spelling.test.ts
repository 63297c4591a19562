import { linkSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { filesystemOn } from '../../src/effects/providers/filesystem/filesystem.ts'
import { hostVolume, type Spot, type Volume } from '../../src/effects/providers/filesystem/volume.ts'
import { guards } from '../guards.ts'
import { aHost, canary, reading, type Host } from './a-host.ts'

/** What several volumes make of a name: case (APFS, NTFS, ext4 `+F`), Unicode form (APFS), invisible characters (HFS+, ext4), dots at the end (FAT). */
const foldings: Readonly<Record<string, (name: string) => string>> = {
  'folds case': (name) => name.toLowerCase(),
  'normalises Unicode': (name) => name.normalize('NFC'),
  'folds case and form, skips the invisible': (name) =>
    name
      .normalize('NFKC')
      .toLowerCase()
      .replaceAll(/[\u00ad\u200b-\u200f\u2060\ufeff]/g, ''),
  'folds case and drops dots and spaces': (name) => name.toLowerCase().replace(/[. ]+$/, ''),
}

/** A volume that finds names by `fold`, over the real one. Counts how often it reads a folder. */
function folding(fold: (name: string) => string): Volume & { reads: number } {
  const volume = hostVolume()
  const stored = (folder: Spot, name: string): string => {
    const names = readdirSync(folder.at)
    return names.includes(name) ? name : (names.find((other) => fold(other) === fold(name)) ?? name)
  }
  const self = {
    ...volume,
    reads: 0,
    step: (folder: Spot, name: string) => volume.step(folder, stored(folder, name)),
    look: (folder: Spot, name: string) => volume.look(folder, stored(folder, name)),
    entries: (folder: Spot) => {
      self.reads++
      return volume.entries(folder)
    },
  }
  return self
}

function hostOn(volume: Volume): Host {
  return aHost(
    {
      'w/.env': canary,
      'w/straße.txt': canary,
      'w/caf\u00e9/menu.txt': 'mine',
      'w/Data/Report.csv': 'mine',
      'w/2024': 'mine',
    },
    { provider: filesystemOn(volume) },
  )
}

describe('on a volume that folds names, the one on the disk decides', () => {
  guards('GATE-14')

  const table: readonly (readonly [folding: string, asked: string, onDisk: string])[] = [
    ['folds case', '/w/.ENV', '/w/.env'],
    ['folds case', '/w/.Env', '/w/.env'],
    ['folds case', '/w/data/Report.csv', '/w/Data'],
    ['folds case', '/w/Data/report.CSV', '/w/Data/Report.csv'],
    ['folds case', '/w/CAF\u00c9/menu.txt', '/w/caf\u00e9'],
    ['normalises Unicode', '/w/cafe\u0301/menu.txt', '/w/caf\u00e9'],
    ['folds case and form, skips the invisible', '/w/.e\u200bnv', '/w/.env'],
    ['folds case and form, skips the invisible', '/w/．ｅｎｖ', '/w/.env'],
    ['folds case and drops dots and spaces', '/w/.env.', '/w/.env'],
    ['folds case and drops dots and spaces', '/w/.env ', '/w/.env'],
    ['folds case and drops dots and spaces', '/w/2024.', '/w/2024'],
  ]

  test.each(table)('%s: %j is refused for %j', async (kind, asked, onDisk) => {
    using host = hostOn(folding(foldings[kind]!))
    for (const action of ['fs.read', 'fs.list', 'fs.stat', 'fs.write']) {
      const params = action === 'fs.write' ? { content: 'x', parents: true } : {}
      const answer = await host.act(action, asked, params)
      expect(answer).toMatchObject({ refused: 'name_mismatch', hint: `ask for \`${onDisk}\`` })
      expect(JSON.stringify(answer)).not.toContain(canary)
    }
    expect(readFileSync(host.path('w/.env'), 'utf8')).toBe(canary)
  })

  test.each(Object.keys(foldings))('%s: the spelling of the disk is let through', async (kind) => {
    using host = hostOn(folding(foldings[kind]!))
    for (const path of ['/w/Data/Report.csv', '/w/caf\u00e9/menu.txt', '/w/2024']) {
      expect(await host.act('fs.read', path)).toEqual(reading('mine'))
    }
    expect(await host.act('fs.write', '/w/Data/new.txt', { content: 'x' })).toMatchObject({ effect: 'done' })
    expect(await host.act('fs.read', '/w/.env')).toEqual(reading(canary))
  })

  test('a new name that the volume would shorten is refused', async () => {
    using host = hostOn(folding(foldings['folds case and drops dots and spaces']!))
    for (const name of ['secret.', 'secret ']) {
      expect(await host.act('fs.write', `/w/${name}`, { content: 'x' })).toMatchObject({ refused: 'name_mismatch' })
    }
    expect(readdirSync(host.path('w')).toSorted()).toEqual(['.env', '2024', 'Data', 'café', 'straße.txt'])
  })
})

describe('on a volume that keeps names apart', () => {
  guards('GATE-14')

  test('both spellings are files of their own, and a folder is read for neither', async () => {
    const volume = folding((name) => name)
    using host = aHost({ 'w/a.txt': 'small', 'w/A.txt': 'large', 'w/n/x.': 'dot' }, { provider: filesystemOn(volume) })
    expect(await host.act('fs.read', '/w/a.txt')).toEqual(reading('small'))
    expect(await host.act('fs.read', '/w/A.txt')).toEqual(reading('large'))
    expect(await host.act('fs.read', '/w/n/x.')).toEqual(reading('dot'))
    expect(await host.act('fs.write', '/w/n/y.', { content: '' })).toMatchObject({ effect: 'done' })
    expect(volume.reads).toBe(0)
  })

  test('two hard links that differ in case are both let through', async () => {
    using host = aHost({ 'w/a.txt': 'mine' })
    linkSync(host.path('w/a.txt'), host.path('w/A.TXT'))
    expect(await host.act('fs.read', '/w/a.txt')).toEqual(reading('mine'))
    expect(await host.act('fs.read', '/w/A.TXT')).toEqual(reading('mine'))
  })

  test('thousands of folders are remembered within a bound', async () => {
    using host = aHost()
    for (let i = 0; i < 4200; i++) mkdirSync(host.path(`w/d${i}`))
    host.put({ 'w/d0/a': 'mine' })
    for (let i = 0; i < 4200; i++) await host.act('fs.stat', `/w/d${i}/a`)
    expect(await host.act('fs.read', '/w/d0/a')).toEqual(reading('mine'))
  })
})
