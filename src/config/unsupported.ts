/**
 * What the configuration is designed to hold and this version does not do yet. It is refused by name, so that nobody
 * relies on it; when a feature arrives, its line goes.
 */

export interface Unsupported {
  /** Keys from the top; `*` is any key or index. */
  readonly path: readonly string[];
  readonly what: string;
  /** Whether this value is the unsupported one; any value, when left out. */
  readonly when?: (value: unknown) => boolean;
}

export const UNSUPPORTED: readonly Unsupported[] = [
  { path: ["tls", "clientCertificates", "crl"], what: "a revocation list" },
  { path: ["identity", "saml"], what: "SAML", when: (value) => !(Array.isArray(value) && value.length === 0) },
  { path: ["targets", "*", "tls", "crl"], what: "a revocation list" },
  { path: ["state", "postgres"], what: "state in PostgreSQL" },
];

/** Places of a secret that are designed and not built. */
export const UNSUPPORTED_SECRETS = ["vault", "exec"] as const;

export interface Found {
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** What lies at or under this path needs no further complaint. */
  readonly covers: readonly (string | number)[];
}

/** Every place in `document` that the table names. */
export function findUnsupported(document: unknown): readonly Found[] {
  return UNSUPPORTED.flatMap((entry) =>
    matches(document, entry.path)
      .filter(({ value }) => entry.when?.(value) ?? true)
      .map(({ path }) => ({
        path,
        message: `${entry.what} is not supported yet`,
        covers: path,
      })),
  );
}

interface Match {
  readonly path: readonly (string | number)[];
  readonly value: unknown;
}

function matches(value: unknown, pattern: readonly string[], path: readonly (string | number)[] = []): readonly Match[] {
  const [key, ...rest] = pattern;
  if (key === undefined) {
    return [{ path, value }];
  }
  return entriesOf(value)
    .filter(([name]) => key === "*" || key === name)
    .flatMap(([name, inner]) => matches(inner, rest, [...path, name]));
}

function entriesOf(value: unknown): readonly (readonly [string | number, unknown])[] {
  if (Array.isArray(value)) {
    return [...value.entries()];
  }
  return typeof value === "object" && value !== null ? Object.entries(value) : [];
}
