import { describe, expect, test } from 'vitest'
import { providerContract } from '../../../src/effects/providers/contract.ts'
import { processes } from '../../../src/effects/providers/index.ts'
import { inJail, jailed, onHost } from './a-machine.ts'

const samples = { 'proc.exec': { resource: 'true', params: { args: ['a'], timeoutMs: 5000 }, touchesFiles: true } }

describe('processes() on the host keeps the contract', () => {
  test.each([...providerContract(() => processes(onHost), samples)])('$name', ({ run }) =>
    expect(run()).resolves.toBeUndefined(),
  )
})

jailed('processes() in a jail keeps the contract', () => {
  test.each([...providerContract(() => processes(inJail), samples)])('$name', ({ run }) =>
    expect(run()).resolves.toBeUndefined(),
  )
})
