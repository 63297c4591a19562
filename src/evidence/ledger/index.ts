export { openLedger } from './open-ledger.ts'
export type { AppendOptions, Appended, Intent, IntentId, Ledger, LedgerBounds, OpenLedgerOptions } from './ledger.ts'
export type { Durability } from './committer.ts'
export type { PolicyMark } from './log-state.ts'
export type { Space } from './headroom.ts'
export type { FileLayer } from './file-layer.ts'
export { hasUnpublished, openLog } from './reader.ts'
export type { Log, LoggedEntry } from './reader.ts'
export { logFiles } from './log-files.ts'
export type { FolderFiles } from './log-files.ts'
export { formatEntry, parseEntry } from './entry.ts'
export type {
  Entry,
  EntryApproval,
  EntryDecision,
  EntryDraft,
  EntryFlow,
  EntryHead,
  EntryKind,
  EntryOutcome,
  EntryTier,
  EntryUndo,
} from './entry.ts'
export {
  checkVkey,
  formatCheckpoint,
  formatNote,
  formatSignatureLine,
  formatVkey,
  openCheckpoint,
  parseCheckpoint,
  parseNote,
  parseVkey,
} from './note.ts'
export type { Checkpoint, Note, NoteSignature, VerifierKey } from './note.ts'
export {
  decodeBundle,
  encodeBundle,
  entriesPath,
  tileHeight,
  tileLevels,
  tilePath,
  tileWidth,
  treePaths,
} from './tile.ts'
export type { TileLevel } from './tile.ts'
