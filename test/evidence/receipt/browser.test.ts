import { build } from 'esbuild'
import { createContext, runInContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { buildReceipt, type VerifiedReceipt, type Verification } from '../../../src/evidence/receipt/index.ts'
import { guards } from '../../guards.ts'
import { aLog, aSigner } from './a-log.ts'

/** What a page has and the language does not; nothing of Node. */
const webGlobals = { TextEncoder, TextDecoder, crypto, atob, btoa, Uint8Array, ArrayBuffer, DataView, Promise, console }

async function bundle(): Promise<string> {
  const { outputFiles, metafile } = await build({
    entryPoints: ['src/evidence/receipt/index.ts'],
    bundle: true,
    write: false,
    metafile: true,
    platform: 'browser',
    format: 'iife',
    globalName: 'receipt',
    logLevel: 'silent',
  })
  const imports = Object.values(metafile.inputs).flatMap((input) => input.imports)
  expect(imports.filter(({ external, path }) => external === true || path.startsWith('node:'))).toEqual([])
  return outputFiles[0]?.text ?? ''
}

interface Page {
  readonly receipt: {
    verifyReceipt(bytes: Uint8Array, options: { vkey: string }): Promise<VerifiedReceipt>
    verifyLog(files: unknown, options: { vkey: string }): Promise<Verification>
  }
}

describe('the verifier in a browser', () => {
  guards('LED-04')

  test('is one bundle without Node that verifies receipts and logs, and refuses altered ones', async () => {
    const code = await bundle()
    expect(code).not.toMatch(/require\(|node:|Buffer|process\.|createHash/)
    const page = createContext({ ...webGlobals })
    runInContext(`${code}; globalThis.receipt = receipt`, page)
    const { verifyReceipt, verifyLog } = (page as unknown as Page).receipt
    const signer = aSigner()
    const log = aLog(signer, 300)
    const bytes = Uint8Array.from(await buildReceipt(log, 280))
    expect(await verifyReceipt(bytes, { vkey: signer.vkey })).toMatchObject({ entry: { seq: 280, agent: 'local' } })
    expect(await verifyLog(log, { vkey: signer.vkey })).toMatchObject({ ok: true, size: 300, problems: [] })
    bytes[60] = (bytes[60] as number) ^ 1
    await expect(verifyReceipt(bytes, { vkey: signer.vkey })).rejects.toMatchObject({ code: 'RECEIPT_INVALID' })
    log.files.delete('tile/entries/000')
    expect(await verifyLog(log, { vkey: signer.vkey })).toMatchObject({ ok: false, problems: [{ code: 'missing' }] })
  })
})
