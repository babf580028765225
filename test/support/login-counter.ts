import { Connection } from "@platformatic/kafka";

interface LoginCounter extends Disposable {
  /** Times of the logins so far, in milliseconds. */
  readonly times: readonly number[];
  /** Most logins within any one second since then. */
  mostPerSecond(since: number): number;
}

/** Counts the logins that brokers accepted from this process. */
export function countLogins(): LoginCounter {
  const times: number[] = [];
  const connect = Connection.prototype.connect;
  Connection.prototype.connect = function (this: Connection, ...given: Parameters<typeof connect>) {
    this.once("connect", () => times.push(performance.now()));
    return connect.apply(this, given);
  } as typeof connect;
  return {
    times,
    mostPerSecond(since) {
      const later = times.filter((time) => time >= since);
      return Math.max(0, ...later.map((from) => later.filter((time) => time >= from && time < from + 1_000).length));
    },
    [Symbol.dispose]() {
      Connection.prototype.connect = connect;
    },
  };
}
