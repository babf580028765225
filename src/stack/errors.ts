/** What a person is told when the local servers cannot be had: one sentence, no stack trace. */
export class StackError extends Error {
  override name = "StackError";
}

/** Puts what the system says about a folder into one sentence that names it. */
export function fileProblem(error: unknown, folder: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOSPC" || code === "EDQUOT")
    return new StackError(`The disk is full: nothing more can be written to ${folder}.`);
  if (code === "EACCES" || code === "EPERM" || code === "EROFS")
    return new StackError(`STREAM_HOME ${folder} cannot be written to: choose another folder or change its owner.`);
  if (code === "ENOTDIR" || code === "EEXIST") return new StackError(`STREAM_HOME ${folder} is not a folder.`);
  return error;
}
