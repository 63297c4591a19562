import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { needs } from '../tool.ts'
import type { Place } from './a-place.ts'
import { aLog, policyText, seqs } from './a-policy-log.ts'

const policyOf = (place: Place): string => readFileSync(place.path('policy.yaml'), 'utf8')

needs('script', 'install util-linux')('kestrel policy allow on a terminal', () => {
  const program = fileURLToPath(new URL('../../src/cli/bin.ts', import.meta.url))

  /** Answers the question, once `before` has been done, and returns what was shown. */
  async function answered(place: Place, answer: string, before: () => void = () => undefined): Promise<string> {
    const command = `'${process.execPath}' '${program}' policy allow ${seqs.write}`
    const env = {
      HOME: place.path('home'),
      PATH: process.env['PATH'] ?? '',
      TERM: 'xterm',
      KESTREL_KEYS_DIR: place.path('keys'),
    }
    const child = spawn('script', ['-qec', command, '/dev/null'], { cwd: place.root, env, stdio: 'pipe' })
    const { promise, resolve } = Promise.withResolvers<void>()
    let shown = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const wasAsked = shown.includes('write it?')
      shown += text
      if (wasAsked || !shown.includes('write it?')) return
      before()
      child.stdin.write(answer)
    })
    child.on('close', () => resolve())
    await promise
    return shown
  }

  test('asks, and takes `y` for a yes', async () => {
    using place = await aLog()
    const shown = await answered(place, 'y\n')
    expect(shown).toContain('\u001b[32m+  - action: fs.write')
    expect(policyOf(place)).toContain('/workspace/out/x')
  })

  test.each(['\n', 'n\n', 'yes please\n', 'Y es\n', '\u0004', '\u0003'])('takes %j for a no', async (answer) => {
    using place = await aLog()
    await answered(place, answer)
    expect(policyOf(place)).toBe(policyText)
  })

  test('writes nothing when the file has changed while it asked', async () => {
    using place = await aLog()
    const shown = await answered(place, 'y\n', () => writeFileSync(place.path('policy.yaml'), `${policyText}# mine\n`))
    expect(shown).toContain('changed meanwhile')
    expect(policyOf(place)).toBe(`${policyText}# mine\n`)
  })
})
