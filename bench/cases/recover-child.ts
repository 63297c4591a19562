import { openKernel } from '../world.ts'

/** The two processes of the benchmark `recover`: one writes and kills itself, one opens what it left. */
const [task, root = '', count = '0'] = process.argv.slice(2)

/** Requests in flight: a million answers one after the other would take minutes. */
const inFlight = 512

if (task === 'write') {
  const kernel = await openKernel(root)
  const agent = kernel.as({ id: 'bench' })
  let left = Number(count)
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (left-- > 0) await agent.submit({ action: 'fs.read', resource: '/workspace/.env' })
    }),
  )
  process.kill(process.pid, 'SIGKILL')
} else {
  const startMs = performance.now()
  const before = process.cpuUsage()
  const kernel = await openKernel(root)
  const ms = performance.now() - startMs
  const { user, system } = process.cpuUsage(before)
  const maxRssBytes = process.resourceUsage().maxRSS * 1024
  console.log(JSON.stringify({ ms, cpuUs: user + system, maxRssBytes }))
  await kernel.close()
}
