let passed = 0;

/**
 * A place where tests kill the process. With `FAULT_AT=<name>` it dies here as by `kill -9`, with `FAULT_AT=<name>:N`
 * when it passes for the N-th time. Does nothing otherwise.
 */
export function faultPoint(name: string): void {
  const wanted = process.env.FAULT_AT;
  if (!wanted) return;
  const [, at, times = "1"] = /^(.*?)(?::(\d+))?$/.exec(wanted) ?? [];
  if (at !== name) return;
  passed += 1;
  if (passed === Number(times)) process.kill(process.pid, "SIGKILL");
}
