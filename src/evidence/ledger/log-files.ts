import { readdir } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { KernelError } from '../../base/errors.ts'
import { readOwn } from '../../base/own-file.ts'
import { bundleMaxBytes } from './tile-edge.ts'

/** A log's folder on this machine, as verification reads it: paths are relative and use `/`. */
export interface FolderFiles {
  /**
   * The whole file, or undefined when there is none.
   *
   * @throws KernelError LEDGER_CORRUPT for a link, a pipe, a folder or a file larger than any of a log
   */
  read(path: string): Promise<Uint8Array | undefined>
  /** Names in a folder, or undefined when it cannot be listed. */
  list(folder: string): Promise<readonly string[] | undefined>
}

/** @param directory a log's folder; only read, no lock and no keys needed */
export function logFiles(directory: string): FolderFiles {
  return {
    read: async (path) => readOwn(inside(directory, path), bundleMaxBytes),
    list: (folder) => readdir(inside(directory, folder)).catch(() => undefined),
  }
}

function inside(directory: string, path: string): string {
  if (isAbsolute(path) || path.split('/').includes('..') || path.includes('\0')) {
    throw new KernelError('VALUE_INVALID', 'a path of a log is relative and stays in its folder')
  }
  return join(directory, path)
}
