import { strict as assert } from 'node:assert'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKernel } from 'kestrel-kernel'
import { openLog, parseEntry, type Entry } from 'kestrel-kernel/ledger'
import { addRules, loadPolicy, Replay, suggestPolicy, type Observation, type PastRequest } from 'kestrel-kernel/policy'
import { filesystem } from 'kestrel-kernel/providers'

// Run it: npm run build && node examples/policy-tools/main.ts
// The same from the command line: kestrel policy suggest, replay and allow.
const folder = mkdtempSync(join(tmpdir(), 'kestrel-example-'))
const file = join(folder, 'policy.yaml')
const options = { file, baseDirectory: folder }

/** A policy as many begin: wide, with one thing that nobody may. */
const wide = `version: 1
mounts: { /workspace: ./workspace }
allow:
  - action: fs.*           # narrow this once it is known what is needed
    resource: /workspace/**
deny:
  - { action: fs.*, resource: "**/.env" }
`

/** A request as its entry holds it. Its params lie in the vault, and no rule here looks at them. */
function pastOf({
  seq,
  action,
  resource,
  resources,
  principal,
  agent,
  time,
  decision,
}: Entry): PastRequest | undefined {
  if (action === undefined || decision === undefined) return undefined
  const asked = resources ?? [resource ?? '']
  const was = { ...decision, rules: decision.rules ?? [] }
  const known = { policyDigest: undefined, hasParams: true }
  return { seq, action, resources: asked, principal, agent, timeMs: time, was, ...known }
}

function observe({ seq, action, resources, principal, timeMs, was }: PastRequest): Observation {
  const is = was.effect === 'permit' ? 'wanted' : 'refused'
  return { seq, action, resources, principal, timeMs, params: undefined, is }
}

try {
  writeFileSync(file, wide)
  const places = { dataDir: join(folder, 'data'), keysDir: join(folder, 'keys') }
  {
    await using kernel = await createKernel({ policy: file, ...places, providers: [filesystem()] })
    const agent = kernel.as({ id: 'local' })
    const write = (path: string): Promise<unknown> =>
      agent.submit({ action: 'fs.write', resource: `/workspace/${path}`, params: { content: path, parents: true } })
    for (const name of ['one', 'two', 'three', 'four']) await write(`reports/${name}.md`)
    await agent.submit({ action: 'fs.read', resource: '/workspace/reports/one.md' })
    await agent.submit({ action: 'fs.read', resource: '/workspace/.env' })
  }

  const requests: PastRequest[] = []
  const log = await openLog(join(places.dataDir, 'ledger'))
  for await (const { bytes } of log.entries()) {
    const request = pastOf(parseEntry(bytes))
    if (request !== undefined) requests.push(request)
  }
  assert.equal(requests.length, 6)

  const { yaml, rules, opened } = suggestPolicy(requests.map(observe), {
    policy: loadPolicy(wide, options),
    text: wide,
    actions: new Map([
      ['fs.read', 'observe'],
      ['fs.write', 'mutate'],
    ]),
    withWho: false,
  })
  console.log(yaml)
  assert.deepEqual([rules, opened], [2, []])

  const changed = (text: string): number[] => {
    const replay = new Replay(loadPolicy(text, options))
    return requests.filter((request) => replay.judge(request, {}).is === 'changed').map(({ seq }) => seq)
  }
  assert.deepEqual(changed(yaml), [])
  console.log('under it everything that happened would have happened, and nothing that was refused')

  const narrowed = yaml.replace('/workspace/reports/**', '/workspace/drafts/**')
  const refused = changed(narrowed)
  assert.equal(refused.length, 4)
  console.log(`with another folder to write to, entries ${refused.join(', ')} would have been refused`)

  const addition = addRules(narrowed, [{ action: 'fs.write', resource: '/workspace/reports/one.md', more: [] }])
  assert.ok('text' in addition)
  assert.equal(changed(addition.text).length, 3)
  const { line, lines } = addition
  assert.equal(addition.text.split('\n').toSpliced(line, lines.length).join('\n'), narrowed)
  console.log(`and with these lines, one fewer:\n${addition.lines.join('\n')}`)
  assert.equal(readFileSync(file, 'utf8'), wide)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
