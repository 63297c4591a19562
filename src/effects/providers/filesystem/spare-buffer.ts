/**
 * The buffer of the last large read, for the next: fresh memory costs more than the read itself.
 *
 * It is held weakly, so that it stays while one part of a file is read after the other, and goes when memory is wanted.
 */
export class SpareBuffer {
  private spare: WeakRef<Buffer> | undefined

  /** At least `sizeBytes` long, with anything in it. For one user at a time. */
  take(sizeBytes: number): Buffer {
    const spare = this.spare?.deref()
    this.spare = undefined
    return spare !== undefined && spare.length >= sizeBytes ? spare : Buffer.allocUnsafe(sizeBytes)
  }

  /** Once nothing refers to what is in it. */
  give(buffer: Buffer): void {
    this.spare = new WeakRef(buffer)
  }
}
