import { parentPort, workerData, type MessagePort } from 'node:worker_threads'
import { systemCode } from '../../base/errors.ts'
import { nodeFiles } from './file-layer.ts'
import { unpack, type JobReport, type PackedJob } from './tile-writer-thread.ts'
import { TileWriter } from './tile-writer.ts'

/** The other end of a `TileWriterThread`. */
const port = parentPort as MessagePort
const writer = new TileWriter(workerData as string, nodeFiles)

port.on('message', (job: PackedJob) => {
  const report = (said: JobReport): void => port.postMessage(said)
  writer.write(unpack(job)).then(
    () => report({}),
    (error: unknown) => report({ failure: { message: String(error), code: systemCode(error) } }),
  )
})
