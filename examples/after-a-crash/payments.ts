import { appendFileSync, fsyncSync, openSync, closeSync } from 'node:fs'
import type { Provider } from 'kestrel-kernel/providers'

/** Pays by writing a line into a book, and can be told to pull the plug right after it. */
export function payments(book: string, pullThePlug: boolean): Provider {
  return {
    name: 'payments',
    actions: {
      'bank.pay': {
        kind: 'mutate',
        readResource: (raw) => ({ canonical: raw }),
        async perform({ resource }) {
          appendFileSync(book, `${resource}\n`)
          const fd = openSync(book, 'r')
          fsyncSync(fd)
          closeSync(fd)
          if (pullThePlug) process.kill(process.pid, 'SIGKILL')
          return { effect: 'done' }
        },
      },
    },
  }
}
