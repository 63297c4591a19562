/** Characters that a terminal could act upon or hide; JSON may write each as an escape, which means the same to a parser. */
const active = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}|\p{Variation_Selector}/gu
const printable = /^[\u0020-\u007e]*$/

/** One line of JSON with nothing in it that moves a cursor, reverses text or cannot be seen. */
export function jsonText(value: unknown): string {
  return inertJson(JSON.stringify(value))
}

/** The same for text that is JSON already. */
export function inertJson(json: string): string {
  return printable.test(json) ? json : json.replace(active, escaped)
}

function escaped(character: string): string {
  let text = ''
  for (let i = 0; i < character.length; i++) text += `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`
  return text
}
