import type { Benchmark } from '../benchmark.ts'
import { measureCount } from '../measure.ts'
import { aWorld } from '../world.ts'

const inFlight = 64
const samples = 20

/** Refuses so many requests, and says how much memory the process held meanwhile. Its log is deleted. */
export const flatBenchmark: Benchmark = {
  name: 'flat',
  isOnDemand: true,
  async run({ denials }) {
    await using world = await aWorld()
    const agent = world.kernel.as({ id: 'bench' })
    const every = Math.max(1, Math.ceil(denials / samples))
    const rssMiB: number[] = []
    const measured = await measureCount(
      async (index) => {
        const { status } = await agent.submit({ action: 'fs.read', resource: '/workspace/.env' })
        if (status !== 'denied') throw new Error(`\`flat\` ended ${status}, not denied`)
        if ((index + 1) % every === 0) rssMiB.push(Math.round(process.memoryUsage.rss() / 2 ** 20))
      },
      denials,
      inFlight,
    )
    const half = rssMiB.slice(rssMiB.length >> 1)
    return {
      ...measured,
      conditions: {
        denials,
        inFlight,
        rssMiB: rssMiB.join(' '),
        secondHalfGrowthMiB: (half.at(-1) ?? 0) - (half[0] ?? 0),
        maxRssBytes: process.resourceUsage().maxRSS * 1024,
      },
    }
  },
}
