import { limits } from '../../../base/limits.ts'
import { foldName } from './path.ts'
import type { Spot, Volume } from './volume.ts'

/**
 * Keeps an agent to the spelling that stands on the disk (requirement GATE-14).
 *
 * Some volumes find `.env` under `.ENV`, under another Unicode form, or with an invisible character in it. Policy judged the
 * spelling of the request, so there the request must use the one of the disk. Reading a whole folder for each step would be
 * slow, so a folder is probed once: does it find a name under the opposite case?
 */
export class Spelling {
  /** By identity of the folder: whether it folds case. Bounded; the oldest is forgotten first. */
  private readonly folds = new Map<string, boolean>()

  /** Whether another spelling of `name` may stand on the disk for the file that was found under it. */
  mayDiffer(volume: Volume, folder: Spot, name: string, found: Spot): boolean {
    const key = `${folder.facts.dev}:${folder.facts.ino}:${folder.facts.birthtimeNs}`
    const known = this.folds.get(key)
    if (known === true) return true
    const finds = (other: string): boolean => {
      const facts = volume.look(folder, other)
      return facts !== undefined && facts.ino === found.facts.ino && facts.dev === found.facts.dev
    }
    // A volume may normalise Unicode and yet keep case apart, so these are asked each time; most names have none.
    if (otherForms(name).some(finds)) return true
    if (known === false) return false
    const swapped = swapCase(name)
    // A name without letters proves nothing about the folder: read it this once.
    if (swapped === name) return true
    return this.remember(key, finds(swapped))
  }

  private remember(key: string, folds: boolean): boolean {
    if (this.folds.size >= limits.knownFolders) {
      const oldest = this.folds.keys().next().value
      if (oldest !== undefined) this.folds.delete(oldest)
    }
    this.folds.set(key, folds)
    return folds
  }
}

/** Only ASCII: what volumes make of the case of other letters differs between them. */
function swapCase(name: string): string {
  return name.replace(/[A-Za-z]/g, (letter) => (letter < 'a' ? letter.toLowerCase() : letter.toUpperCase()))
}

function otherForms(name: string): readonly string[] {
  // eslint-disable-next-line no-control-regex -- the range is ASCII
  if (/^[\x00-\x7f]*$/.test(name)) return []
  const forms = new Set([name.normalize('NFC'), name.normalize('NFD'), name.toLowerCase(), name.toUpperCase()])
  forms.delete(name)
  return [...forms].filter((form) => Buffer.byteLength(form) <= limits.pathSegmentBytes)
}

/** The spelling on the disk of the file found as `name`, where it is another; `''` where the disk does not list it. */
export function correctionOf(volume: Volume, folder: Spot, name: string, found: Spot): string | undefined {
  let alike = ''
  let count = 0
  for (const entry of volume.entries(folder)) {
    if (entry.name === name) return undefined
    if (++count > limits.folderScan) break
    if (alike === '' && foldName(entry.name) === foldName(name)) alike = entry.name
  }
  if (alike !== '') return alike
  count = 0
  for (const entry of volume.entries(folder)) {
    if (++count > limits.listEntries) break
    const facts = volume.look(folder, entry.name)
    if (facts?.ino === found.facts.ino && facts.dev === found.facts.dev) return entry.name
  }
  return ''
}
