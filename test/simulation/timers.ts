import type { SimProcess } from "./scheduler.ts";

export interface Timer {
  at: number;
  readonly process: SimProcess;
  readonly fire: () => void;
  cancelled: boolean;
}

/** Timers by when they go off; of two at the same moment the one that was set first. */
export class Timers {
  /** A binary heap: none goes off before the one at half its place. */
  readonly #heap: { timer: Timer; at: number; nth: number }[] = [];
  #count = 0;

  add(timer: Timer): void {
    this.#count += 1;
    const heap = this.#heap;
    const added = { timer, at: timer.at, nth: this.#count };
    let place = heap.length;
    while (place > 0) {
      const above = heap[(place - 1) >> 1];
      if (!above || isBefore(above, added)) break;
      heap[place] = above;
      place = (place - 1) >> 1;
    }
    heap[place] = added;
  }

  /** When the first one goes off. */
  get next(): number {
    this.#dropOver();
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Takes out what goes off by then, in order. */
  due(now: number): Timer[] {
    const due: Timer[] = [];
    while ((this.#heap[0]?.at ?? Number.POSITIVE_INFINITY) <= now) {
      const timer = this.#takeFirst();
      if (isWanted(timer)) due.push(timer);
    }
    return due;
  }

  #dropOver(): void {
    for (let first = this.#heap[0]; first && !isWanted(first.timer); first = this.#heap[0]) this.#takeFirst();
  }

  #takeFirst(): Timer {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (!first || !last) throw new Error("there is no timer");
    if (heap.length > 0) sink(heap, last);
    return first.timer;
  }
}

interface Placed {
  readonly at: number;
  readonly nth: number;
}

/** Puts one in at the top of a heap, whose first is gone. */
function sink<T extends Placed>(heap: T[], one: T): void {
  let place = 0;
  for (;;) {
    const left = heap[2 * place + 1];
    const right = heap[2 * place + 2];
    const isRight = left !== undefined && right !== undefined && isBefore(right, left);
    const below = isRight ? right : left;
    if (!below || isBefore(one, below)) break;
    heap[place] = below;
    place = 2 * place + (isRight ? 2 : 1);
  }
  heap[place] = one;
}

const isBefore = (a: Placed, b: Placed) => a.at < b.at || (a.at === b.at && a.nth < b.nth);
const isWanted = ({ process, cancelled }: Timer) => process.alive && !cancelled;
