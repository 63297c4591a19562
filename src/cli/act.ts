import type { World } from './world.ts'

/** What a command does once the line is parsed; resolves to the exit code. */
export type Run = (world: World) => number | Promise<number>

/** Carries a command out, with the options that every command takes. */
export type Act = (run: Run) => Promise<void>
