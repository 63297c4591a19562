/** One source file as the architecture test reads it: what it imports, and its code without comments and text. */
export interface Source {
  readonly path: string
  readonly lines: number
  /** Module specifiers, of types too. */
  readonly imports: readonly string[]
  /** Comments and the contents of text literals are gone, so that only code is searched. */
  readonly code: string
}

const importing = /\b(?:import|export)\b(?:[^'";()]*?\bfrom)?\s*\(?\s*"(\d+)"/g

/** Reads TypeScript without a compiler: a scanner that knows comments, text, templates and regular expressions. */
export function readSource(path: string, text: string): Source {
  const { code, texts } = scan(text)
  const imports = [...code.matchAll(importing)].map((match) => texts[Number(match[1])] ?? '')
  return { path, lines: text.split('\n').length - (text.endsWith('\n') ? 1 : 0), imports, code }
}

/** Replaces each text literal by its number in quotes, and drops comments and regular expressions. */
function scan(text: string): { code: string; texts: readonly string[] } {
  const texts: string[] = []
  const token =
    /\/\/[^\n]*|\/\*[^]*?\*\/|'((?:[^'\\\n]|\\[^])*)'|"((?:[^"\\\n]|\\[^])*)"|`(?:[^`\\]|\\[^])*`|\/(?![*/])(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/g
  let code = ''
  let end = 0
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    code += text.slice(end, match.index)
    if (match[0].startsWith('/') && !isComment(match[0]) && !startsExpression(code)) {
      // A division: only its sign is taken, what follows is read again.
      code += '/'
      token.lastIndex = match.index + 1
    } else {
      code += replacementOf(match, texts)
    }
    end = token.lastIndex
  }
  return { code: code + text.slice(end), texts }
}

function replacementOf(match: RegExpExecArray, texts: string[]): string {
  if (isComment(match[0])) return ' '
  const literal = match[1] ?? match[2]
  if (literal !== undefined) return `"${texts.push(literal) - 1}"`
  // Templates hold code: it is searched as well, and their words with it.
  return match[0].startsWith('`')
    ? ` (${[...match[0].matchAll(/\$\{([^}]*)\}/g)].map((hole) => hole[1]).join(' , ')}) `
    : ' 0 '
}

function isComment(token: string): boolean {
  return token.startsWith('//') || token.startsWith('/*')
}

/** Whether a slash after `code` begins a regular expression. */
function startsExpression(code: string): boolean {
  return /(?:^|[=(,:;[{}!&|?+\-*%~^<>]|\breturn|\btypeof|\bcase)\s*$/.test(code)
}
