import { visible } from '../../base/display.ts'
import type { Cosigned } from '../../evidence/receipt/index.ts'

/** A time of a cosignature, which has no fractions. */
export function secondsText(timestamp: number): string {
  const milliseconds = timestamp * 1000
  return milliseconds <= 8.64e15 ? new Date(milliseconds).toISOString().replace('.000Z', 'Z') : `second ${timestamp}`
}

/** Who else has signed a checkpoint, one line each. */
export function witnessLines({ witnessed, uncheckedSignatures }: Cosigned): string[] {
  const lines = witnessed.map(({ name, timestamp }) => `${visible(name)} cosigned it at ${secondsText(timestamp)}`)
  const count = uncheckedSignatures.length
  if (count > 0) {
    const names = uncheckedSignatures.map((key) => visible(key)).join(', ')
    lines.push(
      `${count} ${count === 1 ? 'other signature' : 'other signatures'}, not checked (${names}): \`--witness KEY\` does`,
    )
  }
  return lines.length > 0 ? lines : ['unwitnessed: no one else has signed this checkpoint']
}
