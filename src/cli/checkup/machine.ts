import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { packageFolder, packageVersion } from '../package-facts.ts'
import { passes, selfTests } from '../self-test.ts'
import { describeJail, filesystem } from '../../effects/providers/index.ts'
import type { ProviderPlaces } from '../cli-providers.ts'
import { failed, type Check } from './check.ts'

/** This program, the Node that runs it, and the system below. */
export async function machineChecks(places: ProviderPlaces): Promise<Check[]> {
  return [
    { name: 'version', status: 'ok', message: `kestrel ${packageVersion()} on Node ${process.versions.node}` },
    ...(await selfTestChecks()),
    schemaCheck(),
    platformCheck(),
    filesCheck(),
    programsCheck(places),
  ]
}

async function selfTestChecks(): Promise<Check[]> {
  const checks: Check[] = []
  for (const test of selfTests) {
    const status = (await passes(test)) ? 'ok' : 'damage'
    const message = status === 'ok' ? `known answer found (${test.source})` : `not the known answer (${test.source})`
    const next = 'install Kestrel and Node anew; trust no verification by this one'
    checks.push({ name: test.name, status, message, ...(status === 'damage' && { next }) })
  }
  return checks
}

function schemaCheck(): Check {
  const file = join(packageFolder(), 'spec', 'policy.schema.json')
  if (existsSync(file)) return { name: 'policy schema', status: 'ok', message: `\`${file}\`` }
  const next = 'editors cannot help with the policy; install Kestrel anew'
  return { name: 'policy schema', status: 'note', message: `\`${file}\` is missing`, next }
}

function platformCheck(): Check {
  const name = 'platform'
  const system = `${process.platform}-${process.arch}`
  if (process.platform === 'linux') return { name, status: 'ok', message: `${system}, supported` }
  if (process.platform === 'darwin')
    return { name, status: 'note', message: `${system}, supported; Linux is tested more` }
  return { name, status: 'note', message: `${system} is not promised; Linux and macOS are` }
}

/** Where programs run, if they do. */
function programsCheck({ jail }: ProviderPlaces): Check {
  const name = 'programs'
  try {
    const { tier, why } = describeJail(jail === undefined ? {} : { jail })
    if (tier === 'jail') return { name, status: 'ok', message: why }
    return { name, status: 'note', message: why, next: 'install bubblewrap, 0.10 or with the back-port of `--bind-fd`' }
  } catch (error) {
    return failed(name, error)
  }
}

/** What protects file actions here against names that are swapped while they are used. */
function filesCheck(): Check {
  const name = 'file actions'
  try {
    filesystem()
  } catch (error) {
    return failed(name, error)
  }
  if (process.platform === 'linux') {
    return {
      name,
      status: 'ok',
      message: 'each folder is walked by its descriptor: swapped links and folders are not followed',
    }
  }
  const message = 'links are refused, but a folder above a file could be swapped between the look and the use'
  return { name, status: 'note', message, next: 'let no one else write to the folders that the policy mounts' }
}
