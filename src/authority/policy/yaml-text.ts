import { limits } from '../../base/limits.ts'
import { literalPattern } from './pattern.ts'

const plain =
  /^(?:\.{0,2}\/[A-Za-z0-9_.*/-]*|https?:\/\/[A-Za-z0-9_.*/-]+|[a-z][a-z0-9_-]*(?:[./][A-Za-z0-9_*-]+)+|(?:role|principal|agent):[A-Za-z][A-Za-z0-9_.-]*)$/
const plainKey = /^(?!(?:true|false|null)$)[a-z][a-z0-9_]*$/
const invisible = /[\p{C}\p{Zl}\p{Zp}\u0085\u00a0]/gu

/** `value` as a YAML scalar that reads back as the same text whatever it holds, with nothing invisible in it. */
export function yamlText(value: string): string {
  return plain.test(value) ? value : visibleYaml(JSON.stringify(value))
}

/** The same for a key. */
export function yamlKey(key: string): string {
  return plainKey.test(key) ? key : yamlText(key)
}

/** JSON as YAML with nothing invisible in it. */
export function visibleYaml(json: string): string {
  return json.replace(invisible, (character) => {
    const hex = (character.codePointAt(0) as number).toString(16)
    return hex.length > 4 ? `\\U${hex.padStart(8, '0')}` : `\\u${hex.padStart(4, '0')}`
  })
}

const action = /^[A-Za-z0-9_.-]+$/

/**
 * The smallest rules that allow `action` on each of `resources`, as YAML to paste into a policy that keeps its rules in
 * `list`. Undefined where no rule could say it (an over-long name).
 */
export function rulesText(
  list: 'allow' | 'capabilities',
  actionName: string,
  resources: readonly string[],
): string | undefined {
  if (!action.test(actionName)) return undefined
  let text = `${list}:`
  for (const resource of resources) {
    const pattern = literalPattern(resource)
    if (pattern.length > limits.policyPatternLength || pattern === '' || /\p{Cc}/u.test(pattern)) return undefined
    text += `\n  - action: ${yamlText(actionName)}\n    resource: ${yamlText(pattern)}`
  }
  return text
}
