import { expect } from 'vitest'
import { requirements, type RequirementId } from '../spec/requirements.ts'

/**
 * Says which requirements the surrounding `describe` attacks. `test/requirements.test.ts` reads these calls from the sources
 * and fails on a built requirement that nobody cites.
 */
export function guards(...ids: readonly RequirementId[]): void {
  for (const id of ids) expect(requirements, `unknown requirement ${id}`).toHaveProperty([id])
}
