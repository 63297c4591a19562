import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { isKernelError } from '../../base/errors.ts'
import { keyPath, type KeyFiles } from '../../base/key-files.ts'
import { loadKeys, type KeyRing } from '../../base/keys.ts'
import { failed, type Check } from './check.ts'

const name = 'keys'

/** What nobody can do any more without each key. None of them can be made again. */
const losses: Readonly<Record<keyof KeyFiles, string>> = {
  log: 'nothing can be added to this log, because nobody can sign it',
  agent: 'nothing can be added to this log, because the heads of its agent cannot be signed',
  wal: 'what was not published yet cannot be told from what a stranger wrote there, so the log does not go on',
  vault: 'the payloads in the vault cannot be opened, and with them stored answers are gone',
}

/** The keys of the log `origin`: there, ours alone, and that log's. */
export function keysCheck(keysDir: string, origin: string): { readonly checks: Check[]; readonly ring?: KeyRing } {
  try {
    const ring = loadKeys(keysDir, origin)
    const message = `\`${ring.directory}\`: plain files that only you can read, as SSH host keys are`
    return { ring, checks: [{ name, status: 'ok', message, next: 'keep a backup elsewhere' }] }
  } catch (error) {
    return { checks: isKernelError(error, 'KEY_MISSING') ? missing(keysDir, origin, error) : [failed(name, error)] }
  }
}

/** Each key that is gone, and what is lost with it. What is published verifies without any. */
function missing(keysDir: string, origin: string, error: unknown): Check[] {
  const directory = join(keysDir, origin.slice(origin.indexOf('/') + 1))
  const gone = (Object.keys(losses) as (keyof KeyFiles)[]).filter((key) => !existsSync(keyPath(directory, key)))
  if (gone.length === 0) return [failed(name, error)]
  const next =
    'restore it from your backup, or name its folder with `--keys-dir`; without a backup keep this log for verification, which needs no key, and begin another one with a new `--data-dir`'
  return gone.map((key) => {
    const file = keyPath(directory, key)
    return { name, status: 'configuration', message: `\`${file}\` does not exist: ${losses[key]}`, file, next }
  })
}
