/** Memory of processes as a soak judges it: the least of each minute, as what a burst of work takes is given back. */
export class MemoryFloor {
  readonly #least = new Map<string, { readonly pid: number; mb: number }>();

  /** Looked at again and again; a process of another id begins anew. */
  note(name: string, pid: number, mb: number): void {
    const known = this.#least.get(name);
    if (known?.pid === pid) known.mb = Math.min(known.mb, mb);
    else this.#least.set(name, { pid, mb });
  }

  /** The least of each since it was asked last; of those that run no more, nothing. */
  take(): ReadonlyMap<string, number> {
    const least = new Map([...this.#least].map(([name, { mb }]) => [name, mb]));
    this.#least.clear();
    return least;
  }
}
