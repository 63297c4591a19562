import { shown, type Benchmark, type Finding, type Wishes } from './benchmark.ts'
import { decideBenchmarks } from './cases/decide.ts'
import { flatBenchmark } from './cases/flat.ts'
import { gateBenchmarks } from './cases/gate.ts'
import { receiptBenchmark } from './cases/receipt.ts'
import { recoverBenchmark } from './cases/recover.ts'
import { machine } from './conditions.ts'
import { medianOf } from './median.ts'
import { readOptions, type Options } from './options.ts'
import { peers } from './peers.ts'
import { profiled } from './profile.ts'
import { table, type Row } from './table.ts'

/**
 * `npm run -s bench -- NAME… [--seconds S] [--repeat N] [--profile] --json` prints one JSON object a name. Without names all run,
 * peers beside them, and a table is printed. Measures `dist/`: build first.
 */
const benchmarks: readonly Benchmark[] = [
  ...gateBenchmarks,
  ...decideBenchmarks,
  receiptBenchmark,
  recoverBenchmark,
  flatBenchmark,
]

const options = optionsOrExit()
const conditions = machine()
const found = new Map<string, Finding>()
const wishes: Wishes = { ...options, found }

if (options.names.length > 0) {
  for (const name of options.names) {
    const benchmark = benchmarks.find((one) => one.name === name) as Benchmark
    const { kestrel } = options.isProfiled ? await withProfile(benchmark) : await measureBeside(benchmark, [])
    print([{ name, who: 'kestrel', finding: kestrel }])
  }
} else {
  const rows: Row[] = []
  for (const benchmark of benchmarks) {
    if (benchmark.isOnDemand) continue
    const { name } = benchmark
    const { kestrel, others } = await measureBeside(benchmark, peers)
    rows.push({ name, who: 'kestrel', finding: kestrel })
    for (const [who, finding] of others) rows.push({ name, who, finding })
    process.stderr.write('.')
  }
  process.stderr.write('\n')
  if (!options.isJson) printMachine()
  print(rows)
  if (!options.isJson) {
    for (const peer of peers) if (!peer.isInstalled) console.log(`\n${peer.name}: not installed: ${peer.howToGet}`)
  }
}

/** Peers take turns with us in each repetition, so that a machine that slows down meanwhile is unfair to nobody. */
async function measureBeside(
  { name, run }: Benchmark,
  beside: typeof peers,
): Promise<{ readonly kestrel: Finding; readonly others: ReadonlyMap<string, Finding> }> {
  const ours: Finding[] = []
  const theirs = new Map<string, Finding[]>()
  for (let round = 0; round < options.repeat; round++) {
    ours.push(await run(wishes))
    for (const peer of beside) {
      const finding = peer.isInstalled ? peer.measure(name, options.seconds) : undefined
      if (finding !== undefined) theirs.set(peer.name, [...(theirs.get(peer.name) ?? []), finding])
    }
  }
  const kestrel = medianOf(ours)
  found.set(name, kestrel)
  return { kestrel, others: new Map([...theirs].map(([who, findings]) => [who, medianOf(findings)])) }
}

async function withProfile({ name, run }: Benchmark): Promise<{ readonly kestrel: Finding }> {
  const { result, report } = await profiled(name, () => run(wishes))
  console.error(report)
  return { kestrel: result }
}

function print(rows: readonly Row[]): void {
  if (!options.isJson) console.log(table(rows))
  else for (const { name, finding } of rows) console.log(JSON.stringify({ name, ...shown(finding, conditions) }))
}

function printMachine(): void {
  const facts = Object.entries(conditions).map(([name, value]) => `${name}: ${value}`)
  console.log(facts.join(', '))
  const repeats = options.repeat === 1 ? '' : `, medians of ${options.repeat}`
  console.log(`seconds: ${options.seconds} a row, after a warm-up${repeats}\n`)
}

function optionsOrExit(): Options {
  const names = benchmarks.map(({ name }) => name)
  try {
    return readOptions(names)
  } catch (error) {
    console.error(`${(error as Error).message}; there are ${names.join(', ')}`)
    process.exit(2)
  }
}
