/** Takes one write back. */
export type Undo = () => void;

/** Rows by key, as one transaction writes them. */
export interface Rows<V> {
  get(key: string): V | undefined;
  set(key: string, value: V): void;
  delete(key: string): void;
}

/** A table in memory. A write that is given a list of undos can be taken back. */
export class Table<V> {
  readonly #rows = new Map<string, V>();

  get(key: string): V | undefined {
    return this.#rows.get(key);
  }

  values(): V[] {
    return [...this.#rows.values()];
  }

  entries(): [string, V][] {
    return [...this.#rows.entries()];
  }

  set(key: string, value: V, undo?: Undo[]): void {
    this.#remember(key, undo);
    this.#rows.set(key, value);
  }

  delete(key: string, undo?: Undo[]): void {
    this.#remember(key, undo);
    this.#rows.delete(key);
  }

  clear(): void {
    this.#rows.clear();
  }

  /** The table as a transaction writes it; `check` throws once that is over. */
  within(undo: Undo[], check: () => void): Rows<V> {
    return {
      get: (key) => this.get(key),
      set: (key, value) => {
        check();
        this.set(key, value, undo);
      },
      delete: (key) => {
        check();
        this.delete(key, undo);
      },
    };
  }

  #remember(key: string, undo: Undo[] | undefined): void {
    if (!undo) return;
    const had = this.#rows.has(key);
    const before = this.#rows.get(key);
    undo.push(() => {
      if (had) this.#rows.set(key, before as V);
      else this.#rows.delete(key);
    });
  }
}
