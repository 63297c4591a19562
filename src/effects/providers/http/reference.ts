/** What a secret may be called. */
export const secretName: RegExp = /^[A-Z][A-Z0-9_]{0,63}$/
const reference = /\{\{secret:([A-Z][A-Z0-9_]{0,63})\}\}/g

/** The names in `{{secret:NAME}}`, in the order in which they stand. */
export function referencesIn(text: string): readonly string[] {
  return [...text.matchAll(reference)].map(([, name]) => name as string)
}

export function holdsReference(text: string): boolean {
  return text.search(reference) >= 0
}

/** Whether `text` begins a reference that names no secret. */
export function badReference(text: string): boolean {
  return text.replace(reference, '').includes('{{secret:')
}

/** What stands in for a reference is not searched for further ones. */
export function replaceReferences(text: string, valueOf: (name: string) => string): string {
  return text.replace(reference, (_, name: string) => valueOf(name))
}
