import { afterAll, describe, expect, test } from 'vitest'
import { guards } from '../guards.ts'
import type { Target } from './target.ts'
import { targets } from './targets/index.ts'
import { targetsWithVectors, vectorsOf, type HostileVector } from './vectors.ts'

async function replay({ target, vector }: { target: Target; vector: HostileVector }): Promise<void> {
  const ended = await target.run(vector.input)
  expect(ended.startsWith(vector.ends ?? '')).toBe(true)
}

describe('bytes that fooled a reader once', () => {
  guards('LED-16')

  afterAll(async () => {
    for (const target of targets) await target.close?.()
  })

  test('belong to targets that exist', () => {
    const names = targets.map(({ name }) => name)
    expect(targetsWithVectors().filter((name) => !names.includes(name))).toEqual([])
  })

  const vectors = targets.flatMap((target) => vectorsOf(target.name).map((vector) => ({ target, vector })))

  test.each(vectors)('$target.name $vector.name: $vector.says', replay)
})
