/**
 * Verification of receipts and of whole logs, from bytes alone: no file system, no network, nothing but the standard library
 * of a browser. `kestrel-kernel/receipt`.
 */
export { buildReceipt } from './build-receipt.ts'
export { cosignatureProblems, type Cosigned, type Witnessed } from './cosigned.ts'
export type { PolicyChange } from './entry-rules.ts'
export type { HeadMemory, Remembered } from './head-memory.ts'
export type { LogFiles } from './log-files.ts'
export { readSignedHead, type SignedHead } from './log-head.ts'
export type { Problem, ProblemCode } from './problem.ts'
export { formatReceipt, parseReceipt, type Receipt } from './receipt.ts'
export { verifyLog, type Verification, type VerifyLogOptions } from './verify-log.ts'
export { verifyReceipt, type Disclosure, type VerifiedReceipt, type VerifyReceiptOptions } from './verify-receipt.ts'
export type { Entry } from '../ledger/entry.ts'
export type { Checkpoint } from '../ledger/note.ts'
export { webPrimitives, type Primitives } from '../../base/primitives.ts'
