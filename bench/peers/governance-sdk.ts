import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { shown } from '../benchmark.ts'
import { measure, measureSync, type Measured } from '../measure.ts'

/**
 * Measures @microsoft/agent-governance-sdk beside Kestrel: one JSON object a name, as bench/main.ts prints them.
 *
 * It decides and logs, and its caller acts; so here the caller reads or writes the file after an `allow`, by a bare path. Its
 * policy knows actions and equal values, not resources by pattern: the action name stands for the place.
 */
interface Sdk {
  readonly AgentMeshClient: {
    create(
      id: string,
      options: object,
    ): { executeWithGovernance(action: string): Promise<{ readonly decision: string }> }
  }
  readonly PolicyEngine: new (rules: readonly object[]) => { evaluate(action: string, context: object): string }
}

const require = createRequire(import.meta.url)
const sdk = require('@microsoft/agent-governance-sdk') as Sdk
const { version } = require('@microsoft/agent-governance-sdk/package.json') as { version: string }

const files = 16
const content = 'kestrel,bench,0123456789abcdef\n'.repeat(34).slice(0, 1024)
const log = 'in memory only, hash chain without signature, the oldest dropped beyond 10,000 entries; nothing on disk'

type Act = (root: string, index: number) => Promise<unknown>

const read: Act = (root, index) => readFile(join(root, `in-${index % files}.csv`), 'utf8')
const write: Act = (root, index) => writeFile(join(root, `out-${index % files}.csv`), content)
const nothing: Act = () => Promise.resolve()

async function throughThePipeline(name: string, seconds: number): Promise<Measured> {
  const root = mkdtempSync(join(tmpdir(), 'kestrel-bench-peer-'))
  mkdirSync(root, { recursive: true })
  for (let index = 0; index < files; index++) writeFileSync(join(root, `in-${index}.csv`), content)
  const client = sdk.AgentMeshClient.create('bench', {
    policyRules: [
      { action: 'fs.read.env', effect: 'deny' },
      { action: 'fs.read', effect: 'allow' },
      { action: 'fs.write', effect: 'allow' },
    ],
  })
  const ask = async (action: string, expected: string, act: Act, index: number): Promise<void> => {
    const { decision } = await client.executeWithGovernance(action)
    if (decision !== expected) throw new Error(`\`${action}\` was answered ${decision}`)
    await act(root, index)
  }
  const deny = (index: number): Promise<void> => ask('fs.read.env', 'deny', nothing, index)
  const sends: Readonly<Record<string, (index: number) => Promise<void>>> = {
    deny,
    read: (index) => ask('fs.read', 'allow', read, index),
    write: (index) => ask('fs.write', 'allow', write, index),
    mixed: (index) => {
      const turn = index % 10
      if (turn === 9) return ask('fs.write', 'allow', write, index)
      return turn === 3 || turn === 6 ? deny(index) : ask('fs.read', 'allow', read, index)
    },
  }
  try {
    return await measure(sends[name] as (index: number) => Promise<void>, { seconds })
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

function decide(rules: number, seconds: number): Measured {
  const engine = new sdk.PolicyEngine(
    Array.from({ length: rules }, (_, index) => ({
      action: 'fs.read',
      effect: 'allow',
      conditions: { folder: `folder-${index}` },
    })),
  )
  const contexts = Array.from({ length: 1024 }, (_, index) => ({ folder: `folder-${(index * 7919) % rules}` }))
  const operation = (index: number): void => {
    if (engine.evaluate('fs.read', contexts[index % 1024] as object) !== 'allow') throw new Error('no `allow`')
  }
  return measureSync(operation, { seconds, perSample: 16 })
}

const [secondsText, ...names] = process.argv.slice(2)
const seconds = Number(secondsText)
for (const name of names) {
  const isDecision = name.startsWith('decide')
  const measured = isDecision
    ? decide(Number(name.slice('decide'.length)), seconds)
    : await throughThePipeline(name, seconds)
  const differs = isDecision
    ? 'equality of a context value over all rules in order; no patterns'
    : 'no gate: the caller acts after `allow`, without checks of path or link; writes in place, neither atomic nor synced'
  const conditions = { peer: `@microsoft/agent-governance-sdk ${version}`, log: isDecision ? 'none' : log, differs }
  console.log(JSON.stringify({ name, ...shown({ ...measured, conditions }) }))
}
