import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { nodePrimitives } from '../../../src/base/hash.ts'
import { createKeys, loadKeys } from '../../../src/base/keys.ts'
import { parseVkey } from '../../../src/evidence/ledger/index.ts'
import { applyEdits, copyOf, somePrograms, type Folder } from '../edits.ts'
import { readFolder, writeFolder } from '../folder.ts'
import { bytesOf, demand, endingLater, type Target } from '../target.ts'

interface Ground {
  readonly root: string
  readonly origin: string
  readonly digest: string
  readonly vkey: string
  readonly honest: Folder
  /** Another keys folder, of the same shape. */
  readonly stranger: Folder
}

let ground: Ground | undefined

function prepare(): Ground {
  const root = mkdtempSync(join(tmpdir(), 'kestrel-fuzz-keys-'))
  const own = createKeys(join(root, 'own'))
  const other = createKeys(join(root, 'other'))
  const { origin, vkey, directory } = own
  const names = { origin, vkey, digest: basename(directory) }
  return { root, ...names, honest: readFolder(directory), stranger: readFolder(other.directory) }
}

const message = bytesOf('a message')

/** A keys folder that somebody has changed: it loads only as the keys of its log, and then they sign. */
export const keysTarget: Target = {
  name: 'keys',
  seeds: () => somePrograms(4, 39),
  async run(input) {
    ground ??= prepare()
    const { root, digest, origin, vkey, honest, stranger } = ground
    const folder = copyOf(honest)
    applyEdits(input, folder, stranger)
    writeFolder(join(root, 'tried', digest), folder)
    return endingLater(
      async () => loadKeys(join(root, 'tried'), origin),
      async (ring) => {
        demand(ring.origin === origin && ring.vkey === vkey, 'the keys of another log were taken')
        const { publicKey } = parseVkey(vkey)
        const signed = await nodePrimitives.verifyEd25519(publicKey, message, ring.signLog(message))
        demand(signed, 'the log key was taken and does not sign for its vkey')
        const { agent } = ring
        const holds = await nodePrimitives.verifyP256(agent.publicKey, message, agent.sign(message))
        demand(holds, 'the agent key was taken and does not sign')
      },
      ['KEY_INVALID', 'KEY_MISSING', 'KEY_PERMISSIONS'],
    )
  },
  close() {
    if (ground !== undefined) rmSync(ground.root, { recursive: true, force: true })
    ground = undefined
  },
}
