import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { checkPolicy, loadPolicy } from '../../authority/policy/index.ts'
import { readPolicyText } from '../../kernel/policy-source.ts'
import type { World } from '../world.ts'
import { failed, type Check } from './check.ts'

/** Whether the policy loads, and whether the folders that it mounts are there. */
export function policyChecks({ places, isDefault }: World): Check[] {
  const { policy: file, dataDir } = places
  const name = 'policy'
  if (!existsSync(file) && isDefault.policy && !existsSync(dataDir)) {
    return [{ name, status: 'note', message: 'none here yet', next: '`kestrel init` makes a starter' }]
  }
  try {
    const text = readPolicyText(file)
    const options = { file, baseDirectory: dirname(file) }
    const { problems, warnings } = checkPolicy(text, options)
    if (problems.length > 0) {
      const message = problems.map((each) => `${file}:${each.line}:${each.column}: ${each.message}`).join('\n')
      return [{ name, status: 'configuration', message, next: 'until it loads, everything is refused' }]
    }
    const { digest, mounts } = loadPolicy(text, options)
    const found: Check[] = [{ name, status: 'ok', message: `\`${file}\` loads (sha256 ${digest})` }]
    for (const each of warnings) {
      found.push({ name, status: 'note', message: `${file}:${each.line}:${each.column}: ${each.message}` })
    }
    return [...found, ...mountChecks(mounts ?? new Map<string, string>())]
  } catch (error) {
    return [failed(name, error)]
  }
}

function mountChecks(mounts: ReadonlyMap<string, string>): Check[] {
  return [...mounts].map(([name, folder]) => {
    if (existsSync(folder)) return { name: 'mount', status: 'ok', message: `${name} is \`${folder}\`` }
    const message = `${name} names \`${folder}\`, which does not exist`
    return { name: 'mount', status: 'note', message, next: 'make the folder; until then actions on it fail' }
  })
}
