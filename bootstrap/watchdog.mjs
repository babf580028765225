/**
 * A shell script that runs the command after `sh SIGNAL` in its own place. A watcher beside it, detached so that the
 * command never meets an unknown child, reads from a pipe that only our process holds, its standard input: when we are
 * gone, however we went, the read ends and the command is stopped. A line in the pipe means that the command ended first.
 */
export const WATCHDOG = `
signal=$1; shift
exec 3<&0 </dev/null
( {
  read -r ended <&3 && exit
  kill -s "$signal" $$
  for second in 1 2 3 4 5 6 7 8 9 10; do kill -0 $$ || exit; sleep 1; done
  kill -s KILL $$
} >/dev/null 2>&1 & )
exec 3<&- "$@"
`;
