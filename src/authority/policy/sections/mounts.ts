import { resolve } from 'node:path'
import type { Findings } from '../findings.ts'
import { quoted, type Place } from '../node.ts'
import { dictionary, text, type Reader } from '../shape.ts'

/** Mounts by name → absolute folder. `baseDirectory` is the folder of the policy file. */
export function mountsSection(baseDirectory: string): Reader<ReadonlyMap<string, string>> {
  const read = dictionary('`mounts`', checkName, text('the folder of a mount'))
  return (node, findings) => {
    const targets = read(node, findings)
    if (targets === undefined || node.kind !== 'map') return undefined
    const mounts = new Map<string, string>()
    for (const { key, keyAt, value } of node.members) {
      const over = [...mounts.keys()].find((name) => key.startsWith(`${name}/`) || name.startsWith(`${key}/`))
      if (over !== undefined)
        findings.problem(
          keyAt,
          'mount_overlap',
          `${quoted(key)} and ${quoted(over)} overlap; give them names side by side`,
        )
      const target = targets.get(key)
      if (target === undefined) continue
      checkTarget(target, value.at, findings)
      mounts.set(key, resolve(baseDirectory, target))
    }
    return mounts
  }
}

function checkName(name: string, at: Place, findings: Findings): void {
  const isCanonical = /^(?:\/[^/]+)+$/.test(name) && !/(?:^|\/)\.{1,2}(?:\/|$)/.test(name)
  if (!isCanonical || /[*?[\]\\]|\p{Cc}/u.test(name)) {
    findings.problem(
      at,
      'mount_name',
      `${quoted(name)} is no name of a mount: write an absolute path without \`//\`, \`.\`, \`..\`, wildcards or a \`/\` at its end, as \`/workspace\``,
    )
  }
}

function checkTarget(target: string, at: Place, findings: Findings): void {
  if (/\p{Cc}/u.test(target)) findings.problem(at, 'mount_target', 'the folder holds a control character; remove it')
  if (/^~(?:\/|$)/.test(target))
    findings.problem(at, 'mount_target', '`~` is not expanded; write the folder out, relative to this file or absolute')
}
