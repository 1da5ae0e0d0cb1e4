/** Whether a wall stands behind the masks, and whether the gateway's login is behind it. */
import type { Observation } from "./finding.ts";

export interface Standing {
  /** Where it was looked for, in words, and what a finding about that is about. */
  readonly place: string;
  readonly object: string;
  readonly login: string;
  /** By the schemas of their masked views. */
  readonly walls: readonly { readonly name: string; readonly ofLogin: boolean }[];
  /** A relation with masked columns that the login may read itself; null when there is none. */
  readonly open: string | null;
}

export function wallObservations({ place, object, login, walls, open }: Standing): readonly Observation[] {
  if (walls.length === 0) {
    const message = `no wall stands in ${place}: masks hold in the gateway alone`;
    return [{ code: "wall-absent", object, message, remedy: "sallyport wall prints the SQL of one: docs/wall.md" }];
  }
  const names = walls.map(({ name }) => name).join(", ");
  if (open === null) {
    const message = `login ${login} may read no relation with masked columns but by the wall's views`;
    return [{ code: "wall-ok", object: names, message }];
  }
  const behind = walls.find(({ ofLogin }) => ofLogin);
  if (behind === undefined) {
    const message = `a wall stands in schema ${names}, and the gateway's login ${login} is not behind it`;
    return [{ code: "wall-unused", object: names, message, remedy: "set targets.*.credential to the wall's role: docs/wall.md" }];
  }
  const message = `login ${login} is behind the wall of schema ${behind.name}, and may read ${open} itself, which has masked columns`;
  return [{ code: "wall-stale", object: open, message, remedy: "print the wall anew with sallyport wall, and run it" }];
}
