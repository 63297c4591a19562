import { join } from 'node:path'
import { KernelError } from '../../base/errors.ts'
import { readOwn } from '../../base/own-file.ts'
import { namesIn } from './file-layer.ts'
import { bundleMaxBytes } from './tile-edge.ts'
import { decodeBundle, entriesPath, tileWidth } from './tile.ts'

/**
 * The entries of bundle `index` of a log of `size` entries, unverified.
 *
 * A writer removes a partial bundle once a wider one is published, so where the file is gone a wider one is looked for.
 *
 * @param directory `…/ledger`
 * @throws KernelError TILE_INVALID naming the file
 */
export async function readBundle(directory: string, index: number, size: number): Promise<Uint8Array[]> {
  const width = Math.min(size - index * tileWidth, tileWidth)
  for (const wide of await widthsFrom(directory, index, width)) {
    const path = entriesPath(index, wide)
    const bytes = readOwn(join(directory, path), bundleMaxBytes)
    if (bytes !== undefined) return decode(bytes, wide, path).slice(0, width)
  }
  throw damaged(entriesPath(index, width), 'it is missing')
}

async function widthsFrom(directory: string, index: number, width: number): Promise<number[]> {
  if (width === tileWidth) return [width]
  const names = await namesIn(join(directory, `${entriesPath(index)}.p`))
  const wider = names.map(Number).filter((wide) => Number.isInteger(wide) && wide > width && wide < tileWidth)
  return [width, ...wider, tileWidth]
}

function decode(bytes: Uint8Array, width: number, path: string): Uint8Array[] {
  let entries: Uint8Array[]
  try {
    entries = decodeBundle(bytes)
  } catch (cause) {
    throw damaged(path, 'it is not an entry bundle', cause)
  }
  if (entries.length !== width) throw damaged(path, `it holds ${entries.length} entries, not ${width}`)
  return entries
}

function damaged(path: string, why: string, cause?: unknown): KernelError<'TILE_INVALID'> {
  const advice = 'restore it from a copy of the log, and check with `kestrel verify`'
  return new KernelError('TILE_INVALID', `\`${path}\`: ${why}; ${advice}`, { cause })
}
