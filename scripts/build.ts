import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Builds `dist/` from `src/` and puts the command `kestrel` beside the other tools of this checkout. Running it again changes
 * nothing; processes that use `dist/` meanwhile are not disturbed, because nothing that is still wanted is removed first.
 */
const root = fileURLToPath(new URL('..', import.meta.url))
const bin = join(root, 'dist', 'cli', 'bin.js')

compile()
removeLeftovers(join(root, 'dist'))
if (existsSync(bin)) {
  chmodSync(bin, 0o755)
  link(join(root, 'node_modules', '.bin', 'kestrel'), bin)
}

function compile(): void {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const { status } = spawnSync(process.execPath, [compiler, '-p', join(root, 'tsconfig.build.json')], {
    stdio: 'inherit',
  })
  if (status !== 0) process.exit(status ?? 1)
}

/** Removes what an earlier build made of a source that is gone. */
function removeLeftovers(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    const source = join(root, 'src', relative(join(root, 'dist'), path).replace(/\.(?:d\.ts|js)$/, '.ts'))
    if (!existsSync(source)) rmSync(path, { recursive: true })
    else if (entry.isDirectory()) removeLeftovers(path)
  }
}

function link(from: string, to: string): void {
  const target = relative(dirname(from), to)
  if (lstatSync(from, { throwIfNoEntry: false })?.isSymbolicLink() === true && readlinkSync(from) === target) return
  mkdirSync(dirname(from), { recursive: true })
  rmSync(from, { force: true })
  symlinkSync(target, from)
}
