import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { limits } from '../../../base/limits.ts'

/** In the environment of what runs without a jail: a text that no other process of the machine has. */
export const markName = 'PROC_EXEC_ID'

/** What a process has started, and the process itself, which leads a group and a session. */
export interface Tree {
  readonly leader: number
  readonly mark: string
  /** When the leader started, as the system counts; undefined where that is not known. */
  readonly startedAt: number | undefined
}

/** To be called as soon as the leader runs. */
export function treeOf(leader: number, mark: string): Tree {
  return { leader, mark, startedAt: process.platform === 'linux' ? factsOf(leader)?.startedAt : undefined }
}

/**
 * Kills what belongs to `tree`, until nothing is left: what has left the
 * group, found by session, descent, or the mark in its environment, and the group at once, which even a group that keeps forking
 * does not outrun.
 *
 * Node can make neither a process namespace nor itself the reaper of what is orphaned, so one thing escapes: a process that has
 * put away its environment and its parents. A jail lets nothing escape.
 */
export async function endTree(tree: Tree): Promise<void> {
  for (let round = 0; round < limits.execEndRounds; round++) {
    // Found before any is killed: an orphan no longer tells whose child it was.
    const left = process.platform === 'linux' ? membersOf(tree) : []
    kill(-tree.leader)
    if (left.length === 0) return
    for (const pid of left) kill(pid)
    await pause(Math.min(round, limits.execEndMs / limits.execEndRounds))
  }
}

/** Waits until the process is gone, or only waits to be collected. */
export async function untilGone(pid: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < limits.execEndMs; waitedMs++) {
    const facts = factsOf(pid)
    if (facts === undefined || facts.isOver) return
    await pause(1)
  }
}

export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // gone already
  }
}

interface ProcessFacts {
  readonly pid: number
  readonly parent: number
  readonly group: number
  readonly session: number
  readonly isOver: boolean
  readonly startedAt: number
}

function membersOf({ leader, mark, startedAt = 0 }: Tree): number[] {
  const alive: ProcessFacts[] = []
  for (const name of readdirSync('/proc')) {
    const facts = /^[1-9][0-9]*$/.test(name) ? factsOf(Number(name)) : undefined
    // What is older than the leader is none of its own, and most of a machine is.
    if (facts !== undefined && !facts.isOver && facts.startedAt >= startedAt) alive.push(facts)
  }
  const members = new Set<number>()
  for (const { pid, group, session } of alive) {
    if (pid === leader || group === leader || session === leader || isMarked(pid, `${markName}=${mark}`))
      members.add(pid)
  }
  let known = -1
  while (known < members.size) {
    known = members.size
    for (const { pid, parent } of alive) if (members.has(parent)) members.add(pid)
  }
  return [...members]
}

/** The 22nd of all, counted from the one behind the state. */
const startedAtField = 18

/** @see proc_pid_stat(5): the name, in parentheses, may itself hold spaces and parentheses. */
function factsOf(pid: number): ProcessFacts | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const [state, ...numbers] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [parent, group, session] = numbers.map(Number) as [number, number, number]
    const isOver = state === 'Z' || state === 'X'
    return { pid, parent, group, session, isOver, startedAt: Number(numbers[startedAtField]) }
  } catch {
    return undefined
  }
}

function isMarked(pid: number, mark: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(mark)
  } catch {
    // gone, or another user's
    return false
  }
}
