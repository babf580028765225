/** What a person is told when the local servers cannot be had: one sentence, no stack trace. */
export class StackError extends Error {
  override name = "StackError";
}

/** Puts what the system says about a file into one sentence that names STREAM_HOME; other errors stay as they are. */
export function fileProblem(error: unknown, home: string): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (!code || !syscall) return error;
  if (code === "ENOSPC" || code === "EDQUOT") return new StackError(`STREAM_HOME ${home}: the disk is full.`);
  if (code === "EACCES" || code === "EPERM" || code === "EROFS")
    return new StackError(`STREAM_HOME ${home} cannot be written to: choose another folder or change its owner.`);
  if (code === "ENOTDIR" || code === "EEXIST") return new StackError(`STREAM_HOME ${home} is not a folder.`);
  return new StackError(`STREAM_HOME ${home} cannot be used: ${(error as Error).message}.`);
}
