export interface LockHolder {
  readonly pid: number;
  readonly start: string;
  /** ISO time at which the lock was taken. */
  readonly since: string;
}
export function processStart(pid: number): string | undefined;
export function takeLock(
  path: string,
): { readonly holder: LockHolder; readonly release?: never } | { readonly holder?: never; release(): void };
