import { exitCodes } from '../exit-code.ts'
import { packageVersion } from '../package-facts.ts'
import type { World } from '../world.ts'

export function version({ terminal }: World): number {
  const facts = {
    version: packageVersion(),
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
  }
  if (terminal.isJson) terminal.json(facts)
  else terminal.say(`kestrel ${facts.version} (node ${facts.node}, ${facts.platform})`)
  return exitCodes.ok
}
