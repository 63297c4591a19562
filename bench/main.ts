import { parseArgs } from 'node:util'
import type { Benchmark } from './benchmark.ts'
import { decideBenchmarks } from './cases/decide.ts'
import { gateBenchmarks } from './cases/gate.ts'
import { receiptBenchmark } from './cases/receipt.ts'
import { recoverBenchmark } from './cases/recover.ts'
import { machine } from './conditions.ts'
import { peers } from './peers.ts'
import { table, type Row } from './table.ts'

/**
 * `npm run -s bench -- NAME… [--seconds S] --json` prints one JSON object a name. Without names all run, peers beside them, and a
 * table is printed. Measures `dist/`: build first.
 */
const benchmarks: readonly Benchmark[] = [...gateBenchmarks, ...decideBenchmarks, receiptBenchmark, recoverBenchmark]

const options = readOptions()
const conditions = machine()

if (options.names.length > 0) {
  for (const name of options.names) {
    const finding = await (find(name) as Benchmark).run(options.seconds)
    const line = { name, ...finding, conditions: { ...conditions, ...finding.conditions } }
    console.log(options.isJson ? JSON.stringify(line) : table([{ name, who: 'kestrel', finding }]))
  }
} else {
  await runAll()
}

async function runAll(): Promise<void> {
  const rows: Row[] = []
  for (const { name, run } of benchmarks) {
    rows.push({ name, who: 'kestrel', finding: await run(options.seconds) })
    for (const peer of peers) {
      const finding = peer.isInstalled ? peer.measure(name, options.seconds) : undefined
      if (finding !== undefined) rows.push({ name, who: peer.name, finding })
    }
    process.stderr.write('.')
  }
  process.stderr.write('\n')
  if (options.isJson) {
    for (const { name, finding } of rows)
      console.log(JSON.stringify({ name, ...finding, conditions: { ...conditions, ...finding.conditions } }))
    return
  }
  console.log(
    Object.entries(conditions)
      .map(([name, value]) => `${name}: ${value}`)
      .join(', '),
  )
  console.log(`seconds: ${options.seconds} a row, after a warm-up\n`)
  console.log(table(rows))
  for (const peer of peers) if (!peer.isInstalled) console.log(`\n${peer.name}: not installed: ${peer.howToGet}`)
}

function find(name: string): Benchmark | undefined {
  return benchmarks.find((benchmark) => benchmark.name === name)
}

function readOptions(): { readonly names: readonly string[]; readonly seconds: number; readonly isJson: boolean } {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { seconds: { type: 'string', default: '3' }, json: { type: 'boolean', default: false } },
    })
    const seconds = Number(values.seconds)
    if (!(seconds > 0 && seconds <= 3600)) throw new Error('`--seconds` must be a number from above 0 to 3600')
    const unknown = positionals.filter((name) => find(name) === undefined)
    if (unknown.length > 0) throw new Error(`no benchmark \`${unknown.join('`, `')}\``)
    return { names: positionals, seconds, isJson: values.json }
  } catch (error) {
    console.error(`${(error as Error).message}; there are ${benchmarks.map(({ name }) => name).join(', ')}`)
    process.exit(2)
  }
}
