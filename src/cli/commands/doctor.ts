import { visible } from '../../base/display.ts'
import { dataDirectoryChecks } from '../checkup/data-directory.ts'
import { machineChecks } from '../checkup/machine.ts'
import { policyChecks } from '../checkup/policy.ts'
import { worstExit, type Check } from '../checkup/check.ts'
import { padded, textLines } from '../render/layout.ts'
import type { Paint } from '../render/paint.ts'
import { exitCodes } from '../exit-code.ts'
import type { World } from '../world.ts'

/** Looks over this installation and what it would work with. */
export async function doctor(world: World): Promise<number> {
  const { terminal } = world
  const checks = [...(await machineChecks(world.places)), ...policyChecks(world), ...(await dataDirectoryChecks(world))]
  const exitCode = worstExit(checks)
  if (terminal.isJson) terminal.json({ ok: exitCode === exitCodes.ok, checks })
  else terminal.say(...lines(checks, terminal.paint), '', summary(exitCode, terminal.paint))
  return exitCode
}

function lines(checks: readonly Check[], paint: Paint): string[] {
  const width = Math.max(...checks.map(({ name }) => name.length))
  const marks = { ok: paint.good('✓'), note: paint.wait('!'), configuration: paint.bad('✗'), damage: paint.bad('✗') }
  return checks.flatMap(({ name, status, message, next }) => {
    const [first = '', ...more] = textLines(message)
    const rest = next === undefined ? more : [...more, `→ ${visible(next)}`]
    return [
      `${marks[status]} ${padded(name, width)}  ${first}`,
      ...rest.map((line) => `  ${' '.repeat(width)}  ${line}`),
    ]
  })
}

function summary(exitCode: number, paint: Paint): string {
  if (exitCode === exitCodes.ok) return paint.good(paint.strong('healthy'))
  return paint.bad(
    paint.strong(exitCode === exitCodes.unverified ? 'something is damaged' : 'the configuration needs care'),
  )
}
