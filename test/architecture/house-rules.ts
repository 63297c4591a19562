import { dirname, join } from 'node:path'
import type { Source } from './source.ts'

/** Lowest first; those in one row never import each other. */
export const layers: readonly (readonly string[])[] = [
  ['base'],
  ['authority', 'evidence', 'effects'],
  ['kernel'],
  ['index.ts'],
  ['agents'],
  ['service'],
  ['cli'],
]

/**
 * What another layer may import: everything in `base`, the door of a room, and these files that stand at the top of a layer
 * because they are its door.
 */
const doors: readonly RegExp[] = [
  /^base\//,
  /^(?:authority|evidence|effects|agents|service)\/[a-z-]+\/index\.ts$/,
  /^effects\/(?:provider|protection)\.ts$/,
  /^evidence\/ledger\/lock\.ts$/,
  /^kernel\/[a-z-]+\.ts$/,
  /^kernel\/state\/state\.ts$/,
  /^index\.ts$/,
]

/** What reaches beyond the process or makes it unrepeatable, and the only places where it may stand. */
const powers: readonly { readonly name: string; readonly in: RegExp; readonly allowed: readonly RegExp[] }[] = [
  { name: 'the environment', in: /\bprocess\s*\.\s*env\b/, allowed: [/^base\/places\.ts$/, /^cli\//] },
  {
    name: 'the clock',
    in: /\bDate\s*\.\s*now\b|\bnew\s+Date\s*\(\s*\)|(?<!new\s+)\bDate\s*\(\s*\)|\bperformance\s*\.\s*now\b|\bhrtime\b/,
    allowed: [/^base\/clock\.ts$/, /^cli\//],
  },
  { name: 'Math.random', in: /\bMath\s*\.\s*random\b/, allowed: [] },
  {
    name: 'randomness',
    in: /\b(?:randomBytes|randomFillSync|randomFill|randomUUID|randomInt|getRandomValues|generateKeyPairSync|generateKeyPair)\b\s*\(/,
    allowed: [/^base\/(?:random|keys|seal)\.ts$/],
  },
  { name: 'generated code', in: /\beval\s*\(|\bnew\s+Function\b/, allowed: [] },
  { name: 'a computed import', in: /\bimport\s*\(\s*(?!")|\brequire\s*\(|\bcreateRequire\b/, allowed: [] },
]

const modules: readonly { readonly name: RegExp; readonly allowed: readonly RegExp[] }[] = [
  {
    name: /^node:fs(?:\/promises)?$/,
    allowed: [
      /^base\/(?:key-files|own-file|own-folder)\.ts$/,
      /^evidence\/(?:ledger|vault)\//,
      /^effects\/protection\.ts$/,
      /^effects\/providers\/(?:filesystem|process)\//,
      /^effects\/providers\/http\/secret-files\.ts$/,
      /^kernel\/(?:data-directory|policy-source)\.ts$/,
      /^kernel\/state\//,
      /^cli\//,
    ],
  },
  { name: /^kestrel-kernel/, allowed: [] },
  { name: /^node:sqlite$/, allowed: [/^kernel\/state\//, /^evidence\/ledger\/lock\.ts$/] },
  { name: /^node:child_process$/, allowed: [/^effects\/providers\/process\//, /^cli\//] },
  { name: /^node:http$/, allowed: [/^cli\/commands\/witness-server\.ts$/] },
  { name: /^node:worker_threads$/, allowed: [/^evidence\/ledger\/tile-writer-(?:thread|worker)\.ts$/] },
  { name: /^(?:undici|node:(?:net|tls|dns(?:\/promises)?))$/, allowed: [/^effects\/providers\/http\//] },
  { name: /^node:(?:https|http2|dgram|vm|cluster|inspector|repl)$/, allowed: [] },
]

/** Rooms that run in a browser: nothing of Node, neither they nor what they import. */
export const pureRooms: readonly RegExp[] = [/^evidence\/receipt\//, /^evidence\/proof\//]

const maxLines = 500

/** Everything in `sources` (paths relative to `src/`) that breaks a rule of the house, one line each; empty when all is well. */
export function violations(sources: ReadonlyMap<string, Source>): string[] {
  const found: string[] = []
  for (const source of sources.values()) {
    found.push(...importProblems(source, sources), ...contentProblems(source))
  }
  return [...found, ...cycles(sources), ...impurities(sources)]
}

function importProblems(source: Source, sources: ReadonlyMap<string, Source>): string[] {
  const found: string[] = []
  for (const specifier of source.imports) {
    if (!specifier.startsWith('.')) {
      const rule = modules.find(({ name }) => name.test(specifier))
      if (rule !== undefined && !isAllowed(source.path, rule.allowed)) found.push(`${source.path} imports ${specifier}`)
      continue
    }
    const target = join(dirname(source.path), specifier)
    if (!sources.has(target)) found.push(`${source.path} imports ${specifier}, which is not there`)
    found.push(...layerProblem(source.path, target))
  }
  return found
}

function layerProblem(from: string, to: string): string[] {
  const [fromLayer, toLayer] = [layerOf(from), layerOf(to)]
  if (fromLayer === toLayer) return []
  if (rankOf(toLayer) >= rankOf(fromLayer)) return [`${from} (${fromLayer}) imports ${to} (${toLayer})`]
  return isAllowed(to, doors) ? [] : [`${from} imports ${to}, which is no door of its room`]
}

function layerOf(path: string): string {
  return path.split('/')[0] as string
}

function rankOf(layer: string): number {
  return layers.findIndex((row) => row.includes(layer))
}

function contentProblems(source: Source): string[] {
  const { path, code, lines } = source
  const found = powers
    .filter((power) => power.in.test(code) && !isAllowed(path, power.allowed))
    .map((power) => `${path} uses ${power.name}`)
  if (rankOf(layerOf(path)) < 0) found.push(`${path} is in no layer`)
  if (lines > maxLines) found.push(`${path} has ${lines} lines, more than ${maxLines}`)
  if (/\bexport\s+default\b|\bas\s+default\b/.test(code)) found.push(`${path} has a default export`)
  if (/\bexport\s*\*/.test(code)) found.push(`${path} exports everything of another file`)
  if (/\benum\s+\w+\s*\{/.test(code)) found.push(`${path} has an enum`)
  if (/(?:^|[/-])(?:utils?|helpers?|managers?)(?:[./-]|$)/.test(path))
    found.push(`${path} has a name that says nothing`)
  return found
}

function isAllowed(path: string, allowed: readonly RegExp[]): boolean {
  return allowed.some((pattern) => pattern.test(path))
}

function targetsOf(source: Source, sources: ReadonlyMap<string, Source>): string[] {
  return source.imports
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => join(dirname(source.path), specifier))
    .filter((target) => sources.has(target))
}

function cycles(sources: ReadonlyMap<string, Source>): string[] {
  const found: string[] = []
  const state = new Map<string, 'open' | 'done'>()
  const visit = (path: string, trail: readonly string[]): void => {
    if (state.get(path) === 'done') return
    if (state.get(path) === 'open') {
      found.push(`import cycle: ${[...trail.slice(trail.indexOf(path)), path].join(' → ')}`)
      return
    }
    state.set(path, 'open')
    for (const target of targetsOf(sources.get(path) as Source, sources)) visit(target, [...trail, path])
    state.set(path, 'done')
  }
  for (const path of sources.keys()) visit(path, [])
  return found
}

function impurities(sources: ReadonlyMap<string, Source>): string[] {
  const found: string[] = []
  const seen = new Set<string>()
  const visit = (path: string, because: string): void => {
    if (seen.has(path)) return
    seen.add(path)
    const source = sources.get(path) as Source
    const packages = source.imports.filter((specifier) => !specifier.startsWith('.'))
    for (const specifier of packages)
      found.push(`${path} imports ${specifier}, and runs in a browser because of ${because}`)
    const global = /\b(?:Buffer|process)\s*[.[(]/.exec(source.code)
    if (global !== null)
      found.push(`${path} uses ${global[0].slice(0, -1)}, and runs in a browser because of ${because}`)
    for (const target of targetsOf(source, sources)) visit(target, because)
  }
  for (const path of sources.keys()) if (isAllowed(path, pureRooms)) visit(path, path)
  return found
}
