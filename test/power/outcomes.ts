import { createHash } from 'node:crypto'
import type { Question, Volume } from './volume.ts'

/** What a power loss left: content by relative path, undefined for a folder. */
export type Image = ReadonlyMap<string, Buffer | undefined>

/** A repeatable source of numbers in [0, 1) (mulberry32). */
export function numbersFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * What a power loss at this moment can leave: all of it where that is at most `most` combinations, else the two ends, each
 * single deviation from them, and combinations drawn with `random`.
 */
export function* outcomesOf(volume: Volume, most: number, random: () => number): Generator<Image> {
  const questions = volume.questions()
  const combinations = combinationsOf(volume)
  if (combinations <= most) {
    for (let number = 0; number < combinations; number++) yield volume.image(numbered(questions, number))
    return
  }
  const least = new Map(questions.map((question) => [question, 0]))
  const all = new Map(questions.map((question) => [question, question.answers - 1]))
  yield volume.image(least)
  yield volume.image(all)
  let left = most - 2
  for (const question of drawn(questions, Math.floor(left / 4), random)) {
    yield volume.image(new Map(least).set(question, question.answers - 1))
    yield volume.image(new Map(all).set(question, 0))
    left -= 2
  }
  for (; left > 0; left--) {
    const bias = random()
    yield volume.image(new Map(questions.map((question) => [question, biased(question, bias, random)])))
  }
}

/** How many answers to all open questions there are together. */
export function combinationsOf(volume: Volume): number {
  return volume.questions().reduce((product, { answers }) => product * answers, 1)
}

function numbered(questions: readonly Question[], number: number): Map<Question, number> {
  const answers = new Map<Question, number>()
  let rest = number
  for (const question of questions) {
    answers.set(question, rest % question.answers)
    rest = Math.floor(rest / question.answers)
  }
  return answers
}

function drawn(questions: readonly Question[], count: number, random: () => number): Question[] {
  if (questions.length <= count) return [...questions]
  return Array.from({ length: count }, () => questions[Math.floor(random() * questions.length)] as Question)
}

/** With one bias a combination, nearly nothing and nearly all are drawn as often as half of it. */
function biased({ answers }: Question, bias: number, random: () => number): number {
  return random() < bias ? answers - 1 : Math.floor(random() * answers)
}

const hashes: WeakMap<Buffer, string> = new WeakMap()

/** The same for equal images. */
export function nameOf(image: Image): string {
  const name = createHash('sha1')
  for (const path of [...image.keys()].sort()) {
    const content = image.get(path)
    name.update(`${path}\0`).update(content === undefined ? '' : hashOf(content))
  }
  return name.digest('hex')
}

function hashOf(content: Buffer): string {
  let hash = hashes.get(content)
  if (hash === undefined) hashes.set(content, (hash = createHash('sha1').update(content).digest('hex')))
  return hash
}
