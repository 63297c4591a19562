#!/usr/bin/env node
/**
 * Where `kestrel` starts. Any Node since 16 can parse this file: an older one than Kestrel needs runs the pinned one instead
 * where npm has brought it, else says what to install. Nothing newer is imported before that is settled.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import * as nodeModule from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const oldestMajor = 24
/** Set for the process that an older Node started, so that it cannot go round in circles. */
const startedMark = 'KESTREL_STARTED_BY_OLDER_NODE'

if (Number(process.versions.node.split('.')[0]) >= oldestMajor) {
  delete process.env[startedMark]
  nodeModule.enableCompileCache()
  const { main } = await import('./main.ts')
  await main(process.argv.slice(2))
} else {
  const newer = process.env[startedMark] === undefined ? findNewerNode() : undefined
  if (newer === undefined) refuseToStart()
  else runAgain(newer)
}

/** The `node` that the npm package `node` brings, next to this package or in the working folder or above them. */
function findNewerNode(): string | undefined {
  for (const start of [dirname(fileURLToPath(import.meta.url)), process.cwd()]) {
    for (let folder = start, above = ''; folder !== above; above = folder, folder = dirname(folder)) {
      const candidate = join(folder, 'node_modules', 'node', 'bin', 'node')
      if (existsSync(candidate)) return candidate
    }
  }
  return undefined
}

function runAgain(node: string): void {
  const environment = { ...process.env, [startedMark]: '1' }
  // Listened for before there is a child: a signal that comes right after its start must find it, not end this process alone.
  const running: ChildProcess[] = []
  const forward = (signal: NodeJS.Signals): void => {
    for (const child of running) child.kill(signal)
  }
  // A terminal sends SIGINT to the whole group, `kill` to this process alone. As SIGTERM it ends the child the same way, and
  // is not the second SIGINT, which would kill it.
  process.on('SIGINT', () => forward('SIGTERM'))
  process.on('SIGTERM', forward)
  process.on('SIGHUP', forward)
  const child = spawn(node, process.argv.slice(1), { stdio: 'inherit', env: environment })
  running.push(child)
  child.on('error', () => refuseToStart())
  child.on('exit', (code, signal) => {
    if (signal === null) {
      process.exitCode = code === null ? 1 : code
      return
    }
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

function refuseToStart(): void {
  const advice = `install Node ${oldestMajor} or later from https://nodejs.org, or run \`npm install --save-dev node@${oldestMajor}\` here`
  process.stderr.write(
    `kestrel: needs Node ${oldestMajor} or later, and this is Node ${process.versions.node}; ${advice}\n`,
  )
  process.exitCode = 2
}
