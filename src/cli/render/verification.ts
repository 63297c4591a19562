import { visible } from '../../base/display.ts'
import type { Problem, Verification } from '../../evidence/receipt/index.ts'
import { facts, indented } from './layout.ts'
import type { Paint } from './paint.ts'
import { witnessLines } from './witnessed.ts'

export interface VerifiedPlace {
  readonly folder: string
  readonly keyFrom: 'given' | 'folder'
}

/** What a verification found, for people. */
export function verificationLines(found: Verification, place: VerifiedPlace, paint: Paint): string[] {
  const { ok, origin, size, root, problems } = found
  const entries = `${size} ${size === 1 ? 'entry' : 'entries'}`
  const head = ok
    ? `${paint.good(paint.strong('verified'))}  ${entries}, nothing edited, dropped, reordered or added`
    : `${paint.bad(paint.strong('not verified'))}  ${problems.length === 1 ? 'one problem' : `${problems.length} problems`}`
  const pairs: [string, string | readonly string[]][] = [['folder', visible(place.folder)]]
  if (origin !== '') pairs.push(['log', visible(origin)], ['root', `${root} (${entries})`])
  if (ok && found.since !== undefined) pairs.push(['since', `extends the earlier checkpoint of ${found.since} entries`])
  pairs.push(['key', keyWords(place.keyFrom)])
  if (origin !== '') pairs.push(['witness', witnessLines(found)])
  return [head, ...indented([...problemLines(problems, paint), ...facts(pairs, paint)], 2)]
}

/** Each problem: what, where, in words. */
export function problemLines(problems: readonly Problem[], paint: Paint): string[] {
  return problems.map(({ code, seq, file, message }) => {
    const place = [seq === undefined ? '' : `entry ${seq}`, file === undefined ? '' : `\`${visible(file)}\``]
    const where = place.filter((part) => part !== '').join(', in ')
    return `${paint.bad('✗')} ${paint.strong(code)}  ${where === '' ? '' : `${where}: `}${visible(message)}`
  })
}

/** What there is to say of the memory of verified heads, to whoever may have to delete a file of it. */
export function memoryNotes({ problems }: Pick<Verification, 'problems'>, memory: MemoryNote): string[] {
  const file = visible(memory.file)
  const notes =
    memory.warning === undefined ? [] : [`\`${file}\` cannot tell what was verified before: ${memory.warning}`]
  if (
    !memory.known ||
    !problems.some(({ code }) => code === 'forked' || code === 'rolled_back' || code === 'foreign_key')
  )
    return notes
  const advice = 'if this is a copy that you keep on purpose, add `--no-memory`; to forget the log, delete that file'
  return [...notes, `what was verified before is remembered in \`${file}\`; ${advice}`]
}

export interface MemoryNote {
  readonly file: string
  readonly known: boolean
  readonly warning?: string
}

function keyWords(keyFrom: VerifiedPlace['keyFrom']): string {
  if (keyFrom === 'given') return 'as you gave it'
  return 'that of the folder itself, which whoever changed the log could have changed too; give your own with `--vkey`'
}
