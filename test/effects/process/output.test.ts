import { describe, expect, test } from 'vitest'
import { limits } from '../../../src/base/limits.ts'
import { guards } from '../../guards.ts'
import { aMachine, aVault, inJail, jailed, onHost, until } from './a-machine.ts'

const cap = limits.execOutputBytes
const zeros = (sizeBytes: number): string => `head -c ${sizeBytes} /dev/zero | tr '\\0' a`

describe('what a program writes', () => {
  guards('GATE-07')

  test('is text where it is UTF-8, and else base64', async () => {
    await using machine = aMachine(onHost)
    expect(await machine.sh("printf '\\303\\244'; printf '\\377' >&2")).toEqual({
      exitCode: 0,
      signal: null,
      stdout: 'ä',
      stderr: '/w==',
      encoding: { stderr: 'base64' },
    })
  })

  test('is whole up to the limit', async () => {
    await using machine = aMachine(onHost)
    const vault = aVault()
    const result = await machine.sh(zeros(cap), {}, { contents: vault })
    expect(result).toEqual({ exitCode: 0, signal: null, stdout: 'a'.repeat(cap), stderr: '' })
    expect(vault.kept).toEqual([])
  })

  test('is cut beyond it, per stream, and kept whole in the vault', async () => {
    await using machine = aMachine(onHost)
    const vault = aVault()
    const both = `(${zeros(cap + 1)}) & (${zeros(3 * cap)}) >&2; wait`
    const { stdout, stderr, truncated } = await machine.sh(both, {}, { contents: vault })
    expect([stdout.length, stderr.length]).toEqual([cap, cap])
    expect(truncated).toEqual({
      stdout: { sizeBytes: cap + 1, kept: { id: 'ab'.repeat(32), sizeBytes: cap + 1 } },
      stderr: { sizeBytes: 3 * cap, kept: { id: 'ab'.repeat(32), sizeBytes: 3 * cap } },
    })
    expect(vault.kept.toSorted((a, b) => a - b)).toEqual([cap + 1, 3 * cap])
  })

  test('is told as cut where there is no vault', async () => {
    await using machine = aMachine(onHost)
    const { stdout, truncated, exitCode } = await machine.sh(zeros(4 * cap))
    expect([exitCode, stdout.length, truncated]).toEqual([0, cap, { stdout: { sizeBytes: 4 * cap } }])
  })

  test('is not cut within a character', async () => {
    await using machine = aMachine(onHost)
    const { stdout, encoding } = await machine.sh(`printf aa; yes '€' | tr -d '\\n' | head -c ${cap + 10}`)
    expect(encoding).toBeUndefined()
    expect(stdout.endsWith('€')).toBe(true)
    expect(Buffer.byteLength(stdout)).toBe(cap - 2)
  })

  test('is counted and dropped beyond what the vault takes, and the program runs to its end', async () => {
    await using machine = aMachine(onHost)
    const vault = aVault()
    const sizeBytes = limits.execKeptBytes + 3 * cap
    const { truncated, exitCode } = await machine.sh(`${zeros(sizeBytes)}; exit 5`, {}, { contents: vault })
    expect(exitCode).toBe(5)
    expect(truncated?.stdout).toMatchObject({ sizeBytes, kept: { sizeBytes: limits.execKeptBytes } })
  })

  test('waits for a slow vault instead of filling the memory', async () => {
    await using machine = aMachine(onHost)
    const stop = new AbortController()
    let taken = 0
    let release = (): void => undefined
    const contents = {
      ...aVault(),
      async keep(pieces: AsyncIterable<Uint8Array>) {
        for await (const piece of pieces) {
          taken += piece.length
          if (taken > cap) await new Promise<void>((resolve) => (release = resolve))
        }
        return { id: '', sizeBytes: taken }
      },
    }
    const before = process.memoryUsage().arrayBuffers
    const answer = machine.exec('yes', { timeoutMs: 60_000 }, { contents, signal: stop.signal })
    await until(() => taken > cap)
    // What the program could write within this time is hundreds of megabytes.
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * cap)
    stop.abort()
    release()
    expect(await answer).toMatchObject({ failed: { code: 'cancelled' } })
  })

  test('leaves nothing in the vault when the program is stopped', async () => {
    await using machine = aMachine(onHost)
    const vault = aVault()
    const answer = await machine.exec('yes', { timeoutMs: 300 }, { contents: vault })
    expect(answer).toMatchObject({ failed: { code: 'timeout' } })
    await until(() => vault.broken > 0)
    expect(vault.kept).toEqual([])
  })

  test('ends with the program, whatever holds the stream open', async () => {
    await using machine = aMachine(onHost)
    expect(await machine.sh('sleep 1000 & echo hi')).toMatchObject({ stdout: 'hi\n' })
    expect(await machine.sh('exec >&- 2>&-; sleep 0.05; exit 3')).toMatchObject({ exitCode: 3, stdout: '' })
  })
})

jailed('what a program in a jail writes', () => {
  guards('GATE-07')

  test('is cut and kept the same', async () => {
    await using machine = aMachine(inJail)
    const { truncated } = await machine.sh(zeros(2 * cap), {}, { contents: aVault(1) })
    expect(truncated?.stdout).toMatchObject({ sizeBytes: 2 * cap, kept: { sizeBytes: 2 * cap } })
  })
})
