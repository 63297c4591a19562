import { visible } from '../../base/display.ts'
import type { Problem, Verification } from '../../evidence/receipt/index.ts'
import { facts, indented } from './layout.ts'
import type { Paint } from './paint.ts'

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
  const pairs: [string, string][] = [['folder', visible(place.folder)]]
  if (origin !== '') pairs.push(['log', visible(origin)], ['root', `${root} (${entries})`])
  if (ok && found.since !== undefined) pairs.push(['since', `extends the earlier checkpoint of ${found.since} entries`])
  pairs.push(['key', keyWords(place.keyFrom)], ['witness', 'unwitnessed: no one else has signed this checkpoint'])
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

function keyWords(keyFrom: VerifiedPlace['keyFrom']): string {
  if (keyFrom === 'given') return 'as you gave it'
  return 'that of the folder itself, which whoever changed the log could have changed too; give your own with `--vkey`'
}
