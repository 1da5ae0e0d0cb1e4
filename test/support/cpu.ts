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

const ATTEMPTS_MAX = 12;

/**
 * How many times as much the second costs: by the least that each took in all attempts, of which there are no further ones once
 * that is below `ratioMax`. What grows too fast does so in each.
 */
export function ratioOfCosts(small: () => unknown, large: () => unknown, ratioMax: number): number {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let left = ATTEMPTS_MAX; left > 0 && !(most / least < ratioMax); left -= 1) {
    least = Math.min(least, leastCpuMs(3, small));
    most = Math.min(most, leastCpuMs(1, large));
  }
  return most / least;
}
