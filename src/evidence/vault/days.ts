import { readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { syncFolder } from '../../base/own-folder.ts'

const dayMs = 86_400_000
const dayName = /^(\d{4}-\d\d-\d\d)(?:\.key)?$/

/** Paths of the day files, of all classes, of days that ended before `timeMs`. Also where only the key is left, or only the file. */
export function daysBefore(directory: string, timeMs: number): readonly string[] {
  const found = new Set<string>()
  for (const folder of readdirSync(directory, { withFileTypes: true })) {
    if (!folder.isDirectory()) continue
    for (const name of readdirSync(join(directory, folder.name))) {
      const day = dayName.exec(name)?.[1]
      if (day === undefined || !(Date.parse(day) + dayMs <= timeMs)) continue
      found.add(join(directory, folder.name, day))
    }
  }
  return [...found].sort()
}

/** The key first, durably: without it nothing of the day can be read, whatever becomes of the rest. */
export function removeDay(path: string): void {
  rmSync(`${path}.key`, { force: true })
  syncFolder(dirname(path))
  rmSync(path, { force: true })
}
