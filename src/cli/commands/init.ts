import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { visible } from '../../base/display.ts'
import { systemCode } from '../../base/errors.ts'
import { openLog } from '../../evidence/ledger/index.ts'
import { createKernel } from '../../kernel/kernel.ts'
import { findClientConfigurations, type ClientConfiguration } from '../client-configurations.ts'
import { exitCodes } from '../exit-code.ts'
import { invocation, shellWord } from '../invocation.ts'
import { packageFolder } from '../package-facts.ts'
import { starterPolicy } from '../starter-policy.ts'
import { providersOfCli } from '../cli-providers.ts'
import { facts, indented } from '../render/layout.ts'
import type { World } from '../world.ts'

interface Made {
  readonly path: string
  readonly isNew: boolean
}

/** What `init` did, as `--json` prints it. */
interface Report {
  readonly policy: Made
  readonly workspace: Made
  readonly dataDir: Made
  readonly vkey: string
  readonly clients: readonly ClientConfiguration[]
  readonly next: readonly string[]
}

/** Makes what a first request needs. What is there already is kept. */
export async function init(world: World, directory: string): Promise<number> {
  const { terminal } = world
  const places = placesIn(world, resolve(directory))
  mkdirSync(resolve(directory), { recursive: true })
  const workspace: Made = {
    path: places.workspace,
    isNew: mkdirSync(places.workspace, { recursive: true }) !== undefined,
  }
  const policy: Made = { path: places.policy, isNew: writeNew(places.policy) }
  const isNew = !existsSync(join(places.dataDir, 'ledger', 'vkey'))
  if (isNew) {
    const { policy: file, dataDir, keysDir } = places
    await (await createKernel({ policy: file, dataDir, keysDir, providers: providersOfCli() })).close()
  }
  const { vkey } = await openLog(join(places.dataDir, 'ledger'))
  const report: Report = {
    policy,
    workspace,
    dataDir: { path: places.dataDir, isNew },
    vkey,
    clients: findClientConfigurations(resolve(directory)),
    next: nextCommands(world, places),
  }
  if (terminal.isJson) terminal.json(report)
  else terminal.say(...lines(report, world))
  return exitCodes.ok
}

interface InitPlaces {
  readonly policy: string
  readonly dataDir: string
  readonly keysDir: string
  readonly workspace: string
}

/** Under `directory`, except for what options or the environment name. */
function placesIn({ places, isDefault }: World, directory: string): InitPlaces {
  const policy = isDefault.policy ? join(directory, 'policy.yaml') : places.policy
  const dataDir = isDefault.dataDir ? join(directory, '.kestrel') : places.dataDir
  return { policy, dataDir, keysDir: places.keysDir, workspace: join(dirname(policy), 'workspace') }
}

/** Writes the starter policy unless there is a file. Returns whether it did. */
function writeNew(file: string): boolean {
  mkdirSync(dirname(file), { recursive: true })
  try {
    writeFileSync(file, starterPolicy(schemaFor(dirname(file))), { flag: 'wx' })
    return true
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
    return false
  }
}

/** The schema in this package: relative where the package is installed below the policy's folder, so that it stays right there. */
function schemaFor(folder: string): string {
  const installed = join(folder, 'node_modules', 'kestrel-kernel', 'spec', 'policy.schema.json')
  if (existsSync(installed)) return `./${relative(folder, installed)}`
  return pathToFileURL(join(packageFolder(), 'spec', 'policy.schema.json')).href
}

/** Three commands that work as printed, from the folder where `init` was typed. */
function nextCommands({ environment, places: usual }: World, places: InitPlaces): string[] {
  const options: string[] = []
  const option = (name: string, value: string, otherwise: string): void => {
    if (value !== otherwise) options.push(name, shellWord(relativePath(value)))
  }
  option('--data-dir', places.dataDir, usual.dataDir)
  const log = [...options]
  option('--policy', places.policy, usual.policy)
  const kestrel = invocation(environment)
  const command = (words: string, extra: readonly string[]): string => [kestrel, words, ...extra].join(' ')
  return [
    command('submit fs.write /workspace/output/hello.txt --param content=hello --param parents=true', options),
    command('log', log),
    command('verify', log),
  ]
}

function relativePath(path: string): string {
  const short = relative(process.cwd(), path)
  return short.startsWith('..') ? path : short
}

function lines({ policy, workspace, dataDir, vkey, clients, next }: Report, { terminal, places }: World): string[] {
  const { paint } = terminal
  const made = ({ path, isNew }: Made): string =>
    `${visible(relativePath(path))}  ${paint.quiet(isNew ? 'made' : 'was there, kept')}`
  const pairs: [string, string | readonly string[]][] = [
    ['policy', made(policy)],
    ['workspace', made(workspace)],
    ['data', made(dataDir)],
    [
      'keys',
      `${visible(places.keysDir)}  ${paint.quiet('keep a backup: without them the log can be verified, not continued')}`,
    ],
    ['vkey', visible(vkey)],
  ]
  if (clients.length > 0) pairs.push(['clients', clientLines(clients)])
  return [...facts(pairs, paint), '', paint.strong('next'), ...indented(next, 2)]
}

function clientLines(clients: readonly ClientConfiguration[]): string[] {
  const found = clients.map(({ file, servers }) => {
    const count = servers === undefined ? 'not readable' : `${servers} MCP ${servers === 1 ? 'server' : 'servers'}`
    return `${visible(relativePath(file))}  ${count}`
  })
  return [...found, 'guarding MCP servers is not built in this version; nothing was changed there']
}
