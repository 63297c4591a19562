import type { Target } from '../target.ts'
import { bundleTarget } from './bundle.ts'
import { entryTarget } from './entry.ts'
import { jsonTarget, requestTarget, snapshotTarget } from './json.ts'
import { checkpointTarget, noteTarget, signedCheckpointTarget, vkeyTarget } from './notes.ts'
import { pathTarget } from './paths.ts'
import { keysTarget } from './keys.ts'
import { conditionTarget, globTarget, policyTarget } from './policy.ts'
import { publishedLogTarget } from './published.ts'
import { receiptTarget } from './receipt.ts'
import { stateTarget } from './state.ts'
import { vaultTarget } from './vault.ts'
import { walTarget } from './wal.ts'
import { addCheckpointTarget, cosignatureTarget, witnessKeyTarget } from './witness.ts'

/** Readers of one text or file: thousands of inputs a second. */
const small: readonly Target[] = [
  entryTarget,
  bundleTarget,
  noteTarget,
  signedCheckpointTarget,
  checkpointTarget,
  vkeyTarget,
  addCheckpointTarget,
  cosignatureTarget,
  witnessKeyTarget,
  receiptTarget,
  jsonTarget,
  requestTarget,
  snapshotTarget,
  policyTarget,
  globTarget,
  conditionTarget,
  pathTarget,
]

/** Readers of whole folders. */
const large: readonly Target[] = [publishedLogTarget, keysTarget, vaultTarget, walTarget, stateTarget]

export const targets: readonly Target[] = [...small, ...large]
