import { execFileSync } from 'node:child_process'
import { linkSync, lstatSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { numbersFrom } from '../../power/outcomes.ts'

// Run by `race.ts`: swaps what the provider acts on, as fast as it can, until it is killed.
const [root = '', seed = '1'] = process.argv.slice(2)
const random = numbersFrom(Number(seed) + 1)
const at = (name: string): string => join(root, name)
let swaps = 0
let fresh = 0

/** The provider deletes and moves what is swapped here, so any step may fail. */
function attempt(...steps: readonly (() => void)[]): void {
  for (const step of steps) {
    try {
      step()
      swaps++
    } catch {
      // the next step may work
    }
  }
}

/** What is swapped below a link would be swapped outside, by this process itself. Only this process makes links. */
function isReal(folder: string): boolean {
  return lstatSync(at(folder), { throwIfNoEntry: false })?.isDirectory() === true
}

/** Puts a link, a pipe or another's file in the place of `name` for a moment; what was there waits at `away`. */
function swap(name: string, stand: string, away: string): void {
  if (!isReal(dirname(name))) return
  attempt(
    () => renameSync(at(name), at(away)),
    () => renameSync(at(stand), at(name)),
    () => renameSync(at(name), at(stand)),
    () => renameSync(at(away), at(name)),
  )
}

/** Makes it anew where it is gone. Nothing is ever written by a name in the mount, which may be a link by now. */
function renew(name: string, isFolder: boolean): void {
  if (!isReal(dirname(name))) return
  const made = at(`parked/fresh-${fresh++}`)
  attempt(
    () => (isFolder ? mkdirSync(made) : writeFileSync(made, 'inside')),
    () => (isFolder ? writeFileSync(join(made, 'file'), 'inside') : undefined),
    () => (isFolder ? renameSync(made, at(name)) : linkSync(made, at(name))),
  )
  rmSync(made, { recursive: true, force: true })
}

/** What takes the place of others. The provider may have put something else there, so all is made anew. */
function stands(): void {
  const make: Readonly<Record<string, (path: string) => void>> = {
    'w/file.link': (path) => symlinkSync(at('outside/file'), path),
    'w/dir.link': (path) => symlinkSync(at('outside/dir'), path),
    'w/deep.link': (path) => symlinkSync(at('outside/deep'), path),
    'w/file.own': (path) => linkSync(at('own/key'), path),
    'w/hard': (path) => linkSync(at('outside/linked'), path),
    'w/fifo': (path) => execFileSync('mkfifo', [path], { stdio: 'ignore' }),
    'parked/own': (path) => linkSync(at('own/key'), path),
    'parked/link': (path) => symlinkSync(at('outside/dir'), path),
  }
  for (const [name, anew] of Object.entries(make)) {
    attempt(
      () => rmSync(at(name), { recursive: true, force: true }),
      () => anew(at(name)),
    )
  }
}

const dances: readonly (() => void)[] = [
  () => swap('w/file', 'w/file.link', 'w/file.real'),
  () => swap('w/file', 'w/file.own', 'w/file.real'),
  () => swap('w/file', 'w/fifo', 'w/file.real'),
  () => swap('w/dir', 'w/dir.link', 'w/dir.real'),
  () => swap('w/dir', 'parked/link', 'parked/dir'),
  () => swap('w/dir/file', 'parked/own', 'parked/file'),
  () => swap('w/dir/file', 'w/file.link', 'w/file.real'),
  () => swap('w/deep', 'w/deep.link', 'w/deep.real'),
  () => swap('w/deep/er', 'w/dir.link', 'parked/er'),
  () => swap('w/hard', 'w/file.own', 'w/hard.real'),
  () => swap('w/sub', 'w/dir', 'w/sub.real'),
  () => renew('w/file', false),
  () => renew('w/dir', true),
  () => renew('w/dir/file', false),
  () => renew('w/deep', true),
  () => renew('w/deep/er', true),
  () => renew('w/sub', true),
  () => renew('w/sub/file', false),
]

stands()
writeSync(1, 'ready 0\n')
for (let round = 1; ; round++) {
  dances[Math.floor(random() * dances.length)]?.()
  if (round % 500 === 0) {
    stands()
    writeSync(1, `${swaps}\n`)
  }
}
