import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeBundle,
  encodeBundle,
  entriesPath,
  tileLevels,
  tilePath,
  treePaths,
} from '../../../src/evidence/ledger/tile.ts'
import { guards } from '../../guards.ts'

const damaged = expect.objectContaining({ code: 'TILE_INVALID' }) as object

describe('paths of a tiled log', () => {
  guards('LED-16')

  test.each([
    [tilePath(0, 0), 'tile/0/000'],
    [tilePath(0, 999), 'tile/0/999'],
    [tilePath(1, 1000), 'tile/1/x001/000'],
    [tilePath(2, 1_234_067), 'tile/2/x001/x234/067'],
    [tilePath(2, 1_234_067, 255), 'tile/2/x001/x234/067.p/255'],
    [entriesPath(1234, 1), 'tile/entries/x001/234.p/1'],
    [entriesPath(273), 'tile/entries/273'],
  ])('%s', (path, expected) => {
    expect(path).toBe(expected)
  })

  test('of the tree of 70,000 leaves are those of the example in tlog-tiles', () => {
    expect(tileLevels(70_000)).toEqual([
      { level: 0, fullTiles: 273, partialWidth: 112 },
      { level: 1, fullTiles: 1, partialWidth: 17 },
      { level: 2, fullTiles: 0, partialWidth: 1 },
    ])
    const paths = [...treePaths(70_000)]
    expect(paths).toHaveLength(274 + 2 + 1 + 274)
    expect(paths).toContain('tile/0/273.p/112')
    expect(paths).toContain('tile/2/000.p/1')
    expect(paths.at(-1)).toBe('tile/entries/273.p/112')
  })

  test('of small trees', () => {
    expect([...treePaths(0)]).toEqual([])
    expect([...treePaths(1)]).toEqual(['tile/0/000.p/1', 'tile/entries/000.p/1'])
    expect([...treePaths(256)]).toEqual(['tile/0/000', 'tile/1/000.p/1', 'tile/entries/000'])
  })

  test.each([0, 257, -1, 1.5])('none has a width of %d', (width) => {
    expect(() => tilePath(0, 0, width)).toThrow(damaged)
  })

  test.each([-1, 0.5, 2 ** 53])('none has the number %d', (index) => {
    expect(() => entriesPath(index)).toThrow(damaged)
  })
})

describe('an entry bundle', () => {
  guards('LED-10', 'LED-16')

  const entries = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 256 })

  test('is read back as it was written', () => {
    fc.assert(
      fc.property(entries, (list) => {
        expect(decodeBundle(encodeBundle(list))).toEqual(list)
      }),
    )
  })

  test('any bytes are the one bundle of their entries or damaged', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        let code = 'none'
        let again: Uint8Array = bytes
        try {
          again = encodeBundle(decodeBundle(bytes))
        } catch (error) {
          code = (error as { code: string }).code
        }
        expect(['none', 'TILE_INVALID']).toContain(code)
        expect(again).toEqual(bytes)
      }),
      { numRuns: 1000 },
    )
  })

  test('cut anywhere inside an entry is damaged', () => {
    const bundle = encodeBundle([Buffer.from('one'), Buffer.from('three')])
    for (const end of [1, 2, 3, 4, 6, 7, 8, 11]) expect(() => decodeBundle(bundle.slice(0, end))).toThrow(damaged)
    expect(decodeBundle(bundle.slice(0, 5))).toHaveLength(1)
  })

  test('holds 1 to 256 entries of 1 to 65,535 bytes', () => {
    const longest = new Uint8Array(65_535)
    expect(decodeBundle(encodeBundle([longest]))).toEqual([longest])
    expect(() => encodeBundle([new Uint8Array(65_536)])).toThrow(expect.objectContaining({ code: 'ENTRY_TOO_LARGE' }))
    expect(() => encodeBundle([new Uint8Array(0)])).toThrow(damaged)
    expect(() => encodeBundle([])).toThrow(damaged)
    expect(() => decodeBundle(new Uint8Array(0))).toThrow(damaged)
    expect(() => decodeBundle(Buffer.of(0, 1, 65, 0, 0))).toThrow(damaged)
    const one = Buffer.of(0, 1, 65)
    expect(() => decodeBundle(Buffer.concat(Array.from({ length: 257 }, () => one)))).toThrow(damaged)
    expect(() => encodeBundle(Array.from({ length: 257 }, () => one))).toThrow(damaged)
  })
})
