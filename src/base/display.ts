/**
 * The one renderer of text that came from an agent, a tool, a file or a person (requirement DIS-01): what is shown is what is
 * there. Nothing that it returns moves a cursor, changes a colour, reverses reading order, hides, or passes for another letter
 * unnoticed.
 */

/** Control, format, surrogate, private-use and unassigned characters, and every separator but the plain space. */
const invisible =
  /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}|[\u034F\u115F\u1160\u17B4\u17B5\u2800\u3164\uFFA0\u{1D159}]|\p{Variation_Selector}/u
/** Words, and what stands between them. */
const wordOrGap = /[\p{L}\p{M}\p{N}._@-]+|[^\p{L}\p{M}\p{N}._@-]+/gu
const latinOnly = /^[\p{Script=Latin}\p{Script=Common}\p{Script=Inherited}]*$/u
/** Letters of other scripts with the shape of a Latin one (a part of Unicode UTS 39's confusables): a word of nothing else is escaped. */
const latinShapes = /^[аеорсухіјѕһԁԛԝѵӏАВЕКМНОРСТХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧοανι]+$/u
/** Punctuation with the shape of `/`, `\\`, `.`, `:`, `-`, quotes that compatibility normalisation leaves alone. */
const punctuationShapes =
  /[\u2044\u2215\u29F8\u29F5\u2216\u2236\uA789\u0589\u05C3\u2010-\u2012\u2212\u02BC\u02B9\u2032\u0337\u0338]/u
const ascii = /^[\u0020-\u007e]*$/
const shortEscapes: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' }

/**
 * One line of safe text. Control characters, escapes, bidi controls, zero-width and other invisible characters become
 * `\n`, `\x1b`, `\u202e`, `\u{e0001}`; a backslash becomes `\\`, so that the result has one reading; leading, trailing and
 * doubled spaces become visible (`\x20`); a letter that only looks like another one is escaped.
 */
export function visible(text: string): string {
  if (ascii.test(text) && !text.includes('\\') && !text.includes('  ') && text === text.trim()) return text
  const shown = text.replace(wordOrGap, (part) => (isLookAlike(part) ? showForeign(part) : showPlain(part)))
  return shown.replace(/^ +| +$| {2,}/g, (spaces) => '\\x20'.repeat(spaces.length))
}

/** `visible`, line by line: for a body whose line breaks carry meaning. */
export function visibleLines(text: string): string[] {
  return text.split('\n').map(visible)
}

function showPlain(part: string): string {
  let shown = ''
  for (const character of part) shown += isActive(character) || isCompatible(character) ? escape(character) : character
  return shown
}

/** A word that passes for another: every letter of it that is not Latin is spelled out. */
function showForeign(part: string): string {
  let shown = ''
  for (const character of part) shown += latinOnly.test(character) ? showPlain(character) : escape(character)
  return shown
}

function isActive(character: string): boolean {
  return character in shortEscapes || invisible.test(character) || !character.isWellFormed()
}

function isLookAlike(text: string): boolean {
  if (ascii.test(text)) return false
  const mixesLatin = /\p{Script=Latin}/u.test(text) && !latinOnly.test(text)
  return mixesLatin || latinShapes.test(text)
}

/** Whether compatibility normalisation makes ASCII of it: full-width letters, mathematical letters, ligatures, `⁄`, `．`. */
function isCompatible(character: string): boolean {
  if (ascii.test(character) || character.trim() === '') return false
  return punctuationShapes.test(character) || ascii.test(character.normalize('NFKC'))
}

function escape(character: string): string {
  const short = shortEscapes[character]
  if (short !== undefined) return short
  const code = character.codePointAt(0) as number
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`
  if (code < 0x1_0000) return `\\u${code.toString(16).padStart(4, '0')}`
  return `\\u{${code.toString(16)}}`
}
