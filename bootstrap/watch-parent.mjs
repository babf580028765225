// Loaded into Bun before the command: when the bootstrap was killed with -9, the command must not live on unseen.
const parent = process.ppid;
const POLL_MS = 250;

setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, "SIGKILL");
}, POLL_MS).unref();
