import { join } from 'node:path'
import { limits } from '../../src/base/limits.ts'
import { filesystem } from '../../src/effects/providers/index.ts'
import type { FileLayer } from '../../src/evidence/ledger/index.ts'
import { createKernel, type Kernel } from '../../src/kernel/kernel.ts'
import type { KernelOptions } from '../../src/kernel/options.ts'
import { outside, type OnEffect } from './outside.ts'
import { policyOver } from './workload.ts'

/** What a kernel needs below one folder: `data`, `keys`, `workspace`, and `effects` of the world outside. */
export function openKernelIn(root: string, onEffect?: OnEffect, files?: FileLayer): Promise<Kernel> {
  makeLimitsSmall()
  const options: KernelOptions = {
    policy: policyOver(join(root, 'workspace')),
    dataDir: join(root, 'data'),
    keysDir: join(root, 'keys'),
    providers: [filesystem(), outside(root, onEffect)],
  }
  return createKernel(options, files === undefined ? {} : { files })
}

/** So small that a round sees segments roll and be used again, and several publications. */
function makeLimitsSmall(): void {
  Object.assign(limits, { walSegmentBytes: 32_768, publishIntervalMs: 8, syncIntervalMs: 2 })
}
