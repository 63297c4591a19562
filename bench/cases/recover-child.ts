import { openKernel } from '../world.ts'

/** The two processes of the benchmark `recover`: one writes and kills itself, one opens what it left. */
const [task, root = '', count = '0'] = process.argv.slice(2)

if (task === 'write') {
  const kernel = await openKernel(root, 'default')
  const agent = kernel.as({ id: 'bench' })
  for (let index = 0; index < Number(count); index++)
    await agent.submit({ action: 'fs.read', resource: '/workspace/.env' })
  process.kill(process.pid, 'SIGKILL')
} else {
  const startMs = performance.now()
  const kernel = await openKernel(root, 'default')
  const ms = performance.now() - startMs
  const maxRssBytes = process.resourceUsage().maxRSS * 1024
  console.log(JSON.stringify({ ms, maxRssBytes }))
  await kernel.close()
}
