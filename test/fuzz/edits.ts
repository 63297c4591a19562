import { Random } from './random.ts'

/** A folder in memory: paths relative to it, with `/`. */
export type Folder = Map<string, Buffer>

/**
 * What somebody did to a folder, as bytes that can be mutated: eight for each deed. Any bytes say something, and the same bytes
 * do the same to the same folder.
 */
const deedBytes = 8
const deedsMost = 12

interface Deed {
  readonly path: string
  readonly bytes: Buffer
  readonly at: number
  readonly a: number
  readonly b: number
  readonly c: number
  /** The same files of somebody who has done the same under keys of their own. */
  readonly donor: Buffer | undefined
}

export type Act = (folder: Folder, deed: Deed) => void

const edges = [0, 1, 2, 23, 24, 255, 256, 65_535, 65_536, 0x7f_ffff, 0xff_ffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]

export const acts: readonly Act[] = [
  function flipBit(_, { bytes, at, a }) {
    if (at < bytes.length) bytes[at]! ^= 1 << (a & 7)
  },
  function setByte(_, { bytes, at, a }) {
    if (at < bytes.length) bytes[at] = a
  },
  function setEdge(_, { bytes, at, a }) {
    if (at + 4 <= bytes.length) bytes.writeUInt32BE(edges[a % edges.length] as number, at)
  },
  function zero(_, { bytes, at, a, b }) {
    bytes.fill(0, at, Math.min(bytes.length, at + a * 16 + b))
  },
  function zeroRest(_, { bytes, at }) {
    bytes.fill(0, Math.min(at, bytes.length))
  },
  function truncate(folder, { path, bytes, at }) {
    folder.set(path, bytes.subarray(0, at))
  },
  function extend(folder, { path, bytes, a, b }) {
    folder.set(path, Buffer.concat([bytes, Buffer.alloc(a * 4, b)]))
  },
  function copyWithin(_, { bytes, at, a, b, c }) {
    const to = spot(bytes, a * 65_536 + b * 256 + c)
    bytes.copyWithin(to, at, at + 16 * (1 + c))
  },
  function remove(folder, { path }) {
    folder.delete(path)
  },
  function swap(folder, { path, bytes, a }) {
    const [other, content] = [...folder].toSorted(([x], [y]) => (x < y ? -1 : 1))[a % folder.size] as [string, Buffer]
    folder.set(path, content).set(other, bytes)
  },
  function duplicate(folder, { bytes, a, b }) {
    const other = [...folder.keys()].toSorted()[a % folder.size] as string
    folder.set(
      other.replace(/\d+(?=\D*$)/, (digits) => String(b).padStart(digits.length, '0')),
      Buffer.from(bytes),
    )
  },
  function donate(_, { bytes, donor, at, a, b }) {
    if (donor === undefined || at >= donor.length) return
    const length = a === 0 ? bytes.length : a * 64 + b
    donor.copy(bytes, at, at, Math.min(at + length, bytes.length, donor.length))
  },
  /** From where the two part. */
  function donateTail(_, { bytes, donor, a }) {
    if (donor === undefined) return
    const starts = differences(bytes, donor)
    const from = starts[a % Math.max(1, starts.length)] ?? 0
    donor.copy(bytes, from, from, Math.min(bytes.length, donor.length))
  },
]

/** Deeds that change one bit or byte of one file. */
export const smallestActs = 2

/** Where something can be changed: mostly what was written, seldom the zeros behind it. */
function spot(bytes: Buffer, number: number): number {
  const used = bytes.length - trailingZeros(bytes)
  return number % Math.max(1, Math.min(bytes.length, used + 64))
}

function trailingZeros(bytes: Buffer): number {
  let at = bytes.length
  while (at > 0 && bytes[at - 1] === 0) at--
  return bytes.length - at
}

function differences(a: Buffer, b: Buffer): readonly number[] {
  const starts: number[] = []
  // One run of differences ends where eight bytes in a row agree.
  let last = -9
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) {
    const differs = a[at] !== b[at]
    if (differs && at - last > 8) starts.push(at)
    if (differs) last = at
  }
  return starts
}

/** What a program does to `folder`, which is changed; the paths it touched, and whether it was one small change. */
export function applyEdits(
  program: Uint8Array,
  folder: Folder,
  donors?: ReadonlyMap<string, Buffer>,
  favourite: RegExp = /(?:)/,
): { readonly touched: ReadonlySet<string>; readonly isSmall: boolean } {
  const view = Buffer.from(program)
  const touched = new Set<string>()
  const count = Math.min(deedsMost, Math.floor(view.length / deedBytes))
  for (let index = 0; index < count && folder.size > 0; index++) {
    const deed = view.subarray(index * deedBytes, (index + 1) * deedBytes)
    const [act = 0, file = 0, , , , a = 0, b = 0, c = 0] = deed
    const path = chosen(folder, file, favourite)
    const bytes = folder.get(path) as Buffer
    touched.add(path)
    const at = spot(bytes, deed.readUIntBE(2, 3))
    ;(acts[act % acts.length] as Act)(folder, { path, bytes, at, a, b, c, donor: donors?.get(path) })
  }
  const isSmall = count === 1 && (view[0] as number) % acts.length < smallestActs
  return { touched, isSmall }
}

/** Three of four deeds are done to the files that matter most. */
function chosen(folder: Folder, file: number, favourite: RegExp): string {
  const paths = [...folder.keys()].toSorted()
  const liked = paths.filter((path) => favourite.test(path))
  const among = file < 192 && liked.length > 0 ? liked : paths
  return among[file % among.length] as string
}

/** Programs of one to three deeds, every kind of deed among them. */
export function somePrograms(seed: number, count: number): readonly Uint8Array[] {
  const random = new Random(seed)
  return Array.from({ length: count }, (_, index) => {
    const program = random.bytes(deedBytes * (1 + random.below(random.below(3) === 0 ? 3 : 1)))
    program[0] = index % acts.length
    return program
  })
}

export function copyOf(folder: ReadonlyMap<string, Buffer>): Folder {
  return new Map([...folder].map(([path, bytes]) => [path, Buffer.from(bytes)]))
}
