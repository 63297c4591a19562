import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** One input that once fooled a reader, or comes near it. `spec/vectors/hostile/README.md` tells the format. */
export interface HostileVector {
  readonly name: string
  readonly says: string
  readonly input: Uint8Array
  /** How reading it must end: `ok`, `refused` or an error code. Absent: in any way but a broken oracle. */
  readonly ends?: string
}

const folder = fileURLToPath(new URL('../../spec/vectors/hostile/', import.meta.url))

/** The targets that have vectors. */
export function targetsWithVectors(): readonly string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .toSorted()
}

export function vectorsOf(target: string): readonly HostileVector[] {
  if (!targetsWithVectors().includes(target)) return []
  const names = readdirSync(join(folder, target)).toSorted()
  return names.map((name) => {
    const { says, base64, text, ends } = JSON.parse(readFileSync(join(folder, target, name), 'utf8')) as {
      readonly says: string
      readonly base64?: string
      readonly text?: string
      readonly ends?: string
    }
    const input = base64 === undefined ? Buffer.from(text ?? '') : Buffer.from(base64, 'base64')
    return { name, says, input, ...(ends !== undefined && { ends }) }
  })
}
