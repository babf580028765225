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
  /** All rows, as long as none changes: they are read far more often than written. */
  #values: readonly V[] | null = null;

  get(key: string): V | undefined {
    return this.#rows.get(key);
  }

  values(): readonly V[] {
    this.#values ??= [...this.#rows.values()];
    return this.#values;
  }

  /** The rows that fit. */
  where(fits: (row: V) => boolean): V[] {
    const found: V[] = [];
    for (const row of this.#values ?? this.#rows.values()) if (fits(row)) found.push(row);
    return found;
  }

  entries(): [string, V][] {
    return [...this.#rows.entries()];
  }

  set(key: string, value: V, undo?: Undo[]): void {
    this.#remember(key, undo);
    this.#rows.set(key, value);
    this.#values = null;
  }

  delete(key: string, undo?: Undo[]): void {
    this.#remember(key, undo);
    this.#rows.delete(key);
    this.#values = null;
  }

  clear(): void {
    this.#rows.clear();
    this.#values = null;
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
      this.#values = null;
      if (had) this.#rows.set(key, before as V);
      else this.#rows.delete(key);
    });
  }
}
