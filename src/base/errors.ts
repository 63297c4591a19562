/**
 * The closed table of errors: for each its HTTP status, whether a retry can help, and its fixed opening words. A code is added here or it does not exist; `docs/errors.md` has one anchor per code.
 *
 * Messages are lower case, put the user's own words in backticks, and end with what to do next.
 */
export const errorTable = {
  JSON_INVALID: { http: 400, retryable: false, says: 'the text is not strict JSON' },
  VALUE_INVALID: { http: 400, retryable: false, says: 'the value cannot be carried as JSON' },
  VALUE_TOO_LARGE: { http: 413, retryable: false, says: 'the value is too large to be carried' },
  POLICY_INVALID: { http: 422, retryable: false, says: 'the policy does not load' },
  POLICY_NOT_FOUND: { http: 404, retryable: false, says: 'the policy file cannot be read' },
  KEY_INVALID: { http: 422, retryable: false, says: 'the key is not usable' },
  KEY_MISSING: { http: 409, retryable: false, says: 'a key that this data directory needs is missing' },
  KEY_PERMISSIONS: { http: 409, retryable: false, says: 'a key can be read or changed by others' },
  SEAL_INVALID: { http: 422, retryable: false, says: 'the sealed bytes do not open' },
  NOTE_INVALID: { http: 422, retryable: false, says: 'the signed note does not verify' },
  ENTRY_INVALID: { http: 422, retryable: false, says: 'the entry is not in the format of the log' },
  ENTRY_NOT_FOUND: { http: 404, retryable: false, says: 'no such entry' },
  ENTRY_TOO_LARGE: { http: 413, retryable: false, says: 'the entry does not fit the log' },
  TILE_INVALID: { http: 422, retryable: false, says: 'a tile of the log is damaged' },
  RECEIPT_INVALID: { http: 422, retryable: false, says: 'the receipt does not verify' },
  LEDGER_PROOF_INVALID: { http: 422, retryable: false, says: 'the proof does not lead to the checkpoint' },
  LEDGER_NOT_FOUND: { http: 404, retryable: false, says: 'there is no log here' },
  LEDGER_LOCKED: { http: 409, retryable: true, says: 'another process holds the data directory' },
  LEDGER_CORRUPT: { http: 500, retryable: false, says: 'the log is damaged' },
  LEDGER_ROLLED_BACK: { http: 500, retryable: false, says: 'the log is older than its own last signed head' },
  LEDGER_FULL: { http: 507, retryable: true, says: 'the disk of the log is nearly full' },
  LEDGER_UNWRITABLE: { http: 503, retryable: false, says: 'the log cannot be written' },
  VAULT_NOT_FOUND: { http: 404, retryable: false, says: 'the vault does not hold this payload' },
  VAULT_UNWRITABLE: { http: 503, retryable: false, says: 'the vault cannot be written' },
  WITNESS_STATE_UNUSABLE: { http: 500, retryable: false, says: 'what the witness remembers cannot be used' },
  WITNESS_REFUSED: { http: 409, retryable: false, says: 'the witness does not cosign' },
  WITNESS_UNAVAILABLE: { http: 503, retryable: true, says: 'the witness did not answer as one' },
  STATE_INVALID: { http: 500, retryable: false, says: 'the state index is not readable' },
  RESOLUTION_INVALID: { http: 409, retryable: false, says: 'the entry cannot be resolved' },
  PROVIDER_INVALID: { http: 400, retryable: false, says: 'the provider cannot be used' },
  KERNEL_SEALED: {
    http: 503,
    retryable: false,
    says: 'the kernel is sealed and denies everything until it is restarted',
  },
  KERNEL_BUSY: { http: 503, retryable: true, says: 'the kernel has too much to do' },
  KERNEL_CLOSED: { http: 409, retryable: false, says: 'the kernel is closed' },
  PRINCIPAL_INVALID: { http: 400, retryable: false, says: 'the principal cannot be used' },
  OPTIONS_INVALID: { http: 400, retryable: false, says: 'the options cannot be used' },
  USAGE_INVALID: { http: 400, retryable: false, says: 'the command cannot be carried out as typed' },
} as const

export type ErrorCode = keyof typeof errorTable

/** The one error class. `detail` never holds secrets or free text of an agent, a tool or a file. */
export class KernelError<Code extends ErrorCode = ErrorCode> extends Error {
  readonly code: Code

  constructor(code: Code, detail: string, options?: ErrorOptions) {
    super(`${errorTable[code].says}: ${detail}`, options)
    this.name = 'KernelError'
    this.code = code
  }
}

/** Whether `error` is a `KernelError` of the given code, or of any when none is given. */
export function isKernelError<Code extends ErrorCode>(error: unknown, code?: Code): error is KernelError<Code> {
  return error instanceof KernelError && (code === undefined || error.code === code)
}

/** The `code` of a Node system error (`ENOENT`, `EACCES`, …), or undefined for anything else. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
