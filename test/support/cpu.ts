/**
 * What work costs this process, by the operating system's account: CPU time, in which a machine that does something else for a
 * while does not count, and of several tries the least, since compilation and collection come in between as they like.
 */

/** Milliseconds of CPU time. */
export function cpuMs(work: () => unknown): number {
  const begun = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(begun);
  return (user + system) / 1000;
}

/** The least of so many tries; no further one is made once one took less than `enoughMs`. */
export function leastCpuMs(tries: number, work: () => unknown, enoughMs = 0): number {
  let least = Number.POSITIVE_INFINITY;
  for (let left = tries; left > 0 && !(least < enoughMs); left -= 1) least = Math.min(least, cpuMs(work));
  return least;
}
