/** A queue, first in first out. `Array.shift` moves all of a long array; this moves it once in a while. */
export class Fifo<Item> {
  #items: Item[] = []
  #taken = 0

  get size(): number {
    return this.#items.length - this.#taken
  }

  /** The next one to be taken. */
  get first(): Item | undefined {
    return this.#items[this.#taken]
  }

  add(item: Item): void {
    this.#items.push(item)
  }

  take(): Item | undefined {
    const item = this.#items[this.#taken]
    if (item === undefined) return undefined
    this.#taken++
    if (this.#taken * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#taken)
      this.#taken = 0
    }
    return item
  }

  /** Takes all of them. */
  takeAll(): Item[] {
    const items = this.#items.slice(this.#taken)
    this.#items = []
    this.#taken = 0
    return items
  }
}
