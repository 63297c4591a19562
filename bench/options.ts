import { parseArgs } from 'node:util'

/** What the command line asks for. */
export interface Options {
  readonly names: readonly string[]
  readonly seconds: number
  readonly repeat: number
  readonly entries: number
  readonly denials: number
  readonly isJson: boolean
  readonly isProfiled: boolean
}

/** @throws Error with words for the user */
export function readOptions(known: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seconds: { type: 'string', default: '3' },
      repeat: { type: 'string', default: '1' },
      entries: { type: 'string', default: '10000' },
      denials: { type: 'string', default: '1000000' },
      json: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
    },
  })
  const seconds = Number(values.seconds)
  if (!(seconds > 0 && seconds <= 3600)) throw new Error('`--seconds` must be a number from above 0 to 3600')
  const unknown = positionals.filter((name) => !known.includes(name))
  if (unknown.length > 0) throw new Error(`no benchmark \`${unknown.join('`, `')}\``)
  if (values.profile && positionals.length === 0) throw new Error('`--profile` needs the name of a benchmark')
  return {
    names: positionals,
    seconds,
    repeat: count('repeat', values.repeat, 99),
    entries: count('entries', values.entries, 10_000_000),
    denials: count('denials', values.denials, 1_000_000_000),
    isJson: values.json,
    isProfiled: values.profile,
  }
}

function count(name: string, text: string, most: number): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return value
  throw new Error(`\`--${name}\` must be an integer from 1 to ${most}`)
}
