import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Finding } from './benchmark.ts'

const here = (path: string): string => fileURLToPath(new URL(`./peers/${path}`, import.meta.url))

/** Another program that answers a part of the same question, and how to measure it in the same run. */
export interface Peer {
  readonly name: string
  readonly isInstalled: boolean
  readonly howToGet: string
  measure(name: string, seconds: number): Finding | undefined
}

const sequential: readonly string[] = ['deny', 'read', 'write', 'mixed', 'decide1', 'decide100', 'decide10000']
const python = here('venv/bin/python')

export const peers: readonly Peer[] = [
  {
    name: 'py-agent-kernel',
    isInstalled: existsSync(python),
    howToGet: 'python3 -m venv bench/peers/venv && bench/peers/venv/bin/pip install py-agent-kernel==0.4.3',
    measure: (name, seconds) =>
      [...sequential, 'concurrent', 'write64', 'decide10000other'].includes(name)
        ? run(name, python, [here('agent_kernel.py'), name, '--seconds', String(seconds)])
        : undefined,
  },
  {
    name: '@microsoft/agent-governance-sdk',
    isInstalled: existsSync(here('node_modules/@microsoft/agent-governance-sdk')),
    howToGet: 'npm ci --prefix bench/peers',
    measure: (name, seconds) =>
      sequential.includes(name)
        ? run(name, process.execPath, [here('governance-sdk.ts'), String(seconds), name])
        : undefined,
  },
]

function run(name: string, command: string, args: readonly string[]): Finding {
  // Without this the Python peer asks the network for a price list when it is imported.
  const env = { ...process.env, LITELLM_LOCAL_MODEL_COST_MAP: 'True' }
  const { stdout, status } = spawnSync(command, args, { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'inherit'] })
  if (status !== 0) throw new Error(`the peer \`${command}\` failed on \`${name}\``)
  return JSON.parse(stdout) as Finding
}
