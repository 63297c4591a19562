import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'

/** How it treats who connects: as it should, or as servers and networks sometimes do. */
export type Manner = 'takes mail' | 'knows nobody' | 'hangs up after the dot' | 'says nothing'

export interface MailServer extends AsyncDisposable {
  readonly port: number
  /** What it took, as it came. */
  readonly taken: { readonly to: string; readonly message: string }[]
  manner: Manner
}

/** Stands for your mail server, so that the example runs anywhere: a few commands of SMTP, each on a line, and nothing kept. */
export async function aMailServer(): Promise<MailServer> {
  const sockets = new Set<Socket>()
  const listening = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
    serve(socket, server)
  })
  await once(listening.listen(0, '127.0.0.1'), 'listening')
  const server: MailServer = {
    port: (listening.address() as AddressInfo).port,
    taken: [],
    manner: 'takes mail',
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await once(listening.close(), 'close')
    },
  }
  return server
}

function serve(socket: Socket, server: MailServer): void {
  const say = (line: string): void => void socket.write(`${line}\r\n`)
  let to = ''
  let message: string[] | undefined
  let rest = ''
  const hear = (line: string): void => {
    if (message !== undefined && line !== '.') message.push(line.replace(/^\./, ''))
    else if (message !== undefined) {
      server.taken.push({ to, message: message.join('\r\n') })
      message = undefined
      if (server.manner === 'hangs up after the dot') socket.destroy()
      else say('250 taken')
    } else if (line.startsWith('EHLO ')) {
      say('250-hello')
      say('250 8BITMIME')
    } else if (line.startsWith('MAIL FROM:')) say('250 go on')
    else if (line.startsWith('RCPT TO:<')) {
      to = line.slice('RCPT TO:<'.length, -1)
      say(server.manner === 'knows nobody' ? '550 no such person' : '250 go on')
    } else if (line === 'DATA') {
      message = []
      say('354 end with a dot')
    } else if (line === 'QUIT') socket.end('221 bye\r\n')
    else say('500 what?')
  }
  socket.setEncoding('utf8')
  socket.on('data', (text: string) => {
    const lines = (rest + text).split('\r\n')
    rest = lines.pop() ?? ''
    for (const line of lines) hear(line)
  })
  if (server.manner !== 'says nothing') say('220 ready')
}
