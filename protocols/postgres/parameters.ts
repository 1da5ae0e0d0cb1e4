/**
 * Start-up parameters on their way to the target: what passes, what is pinned, what is refused. Settings that change how
 * statement text is read (`standard_conforming_strings`, client-only encodings) would open a gap between what is judged
 * and what the server runs, so nobody may set them; principals under a mask have an allow-list.
 */
import { isJudgeableEncoding } from "#protocols/sql/postgres/encodings.ts";
import { pathSetting } from "#protocols/sql/postgres/search-path.ts";
import { isSuperuserSetting } from "#protocols/sql/postgres/superuser-settings.ts";
import { Fault } from "#protocols/wire/fault.ts";

/** Never the client's to choose, as what the target keeps for superusers. */
const NEVER = new Set(["role", "session_authorization", "replication", "backslash_quote", "standard_conforming_strings"]);

/** What a principal under a mask may set at start; nothing here changes which rows or columns a statement reads. */
const UNDER_MASK = new Set([
  "application_name",
  "bytea_output",
  "client_encoding",
  "client_min_messages",
  "datestyle",
  "default_transaction_isolation",
  "default_transaction_read_only",
  "extra_float_digits",
  "geqo",
  "idle_in_transaction_session_timeout",
  "intervalstyle",
  "lock_timeout",
  "statement_timeout",
  "timezone",
]);

function isUtf8(name: string): boolean {
  const folded = name.toLowerCase().replace(/[^a-z0-9]/g, "");
  return folded === "utf8" || folded === "unicode" || folded === "sqlascii" || folded === "";
}

export interface UpstreamIdentity {
  readonly user: string;
  readonly database: string;
  /** Appended to `application_name`: attribution in the target's own views, best effort. */
  readonly mark: string;
  /** Schemas that names are looked up in under a mask, as the gateway resolves them; null: the target's own setting. */
  readonly searchPath: readonly string[] | null;
}

/**
 * The parameters of the StartupMessage that the gateway sends.
 *
 * @throws Fault `startup-option-refused` naming the parameter, never its value
 */
export function upstreamParameters(
  client: ReadonlyMap<string, string>,
  upstream: UpstreamIdentity,
  underMask: boolean,
): ReadonlyMap<string, string> {
  const result = new Map<string, string>([
    ["user", upstream.user],
    ["database", upstream.database],
  ]);
  for (const [name, value] of client) {
    if (name === "database" || name === "replication" || name === "application_name") continue;
    if (name === "options") {
      if (value.trim() === "") continue;
      for (const setting of optionSettings(value)) judge(setting.name, setting.value, underMask);
      result.set(name, value);
    } else {
      judge(name, value, underMask);
      // Settled below: in another spelling it would come behind, and the server takes the last.
      if (!underMask || name.toLowerCase() !== "client_encoding") result.set(name, value);
    }
  }
  if (underMask) result.set("client_encoding", "UTF8");
  if (upstream.searchPath !== null) result.set("search_path", pathSetting(upstream.searchPath));
  result.set("application_name", marked(client.get("application_name") ?? "", upstream.mark));
  return result;
}

function judge(name: string, value: string, underMask: boolean): void {
  const folded = name.toLowerCase();
  if (NEVER.has(folded) && !(folded === "standard_conforming_strings" && /^(on|true|yes|1)$/i.test(value))) {
    throw refused(name, "it is not the client's to set");
  }
  if (isSuperuserSetting(folded)) throw refused(name, "the target keeps it for superusers");
  if (folded === "client_encoding") {
    if (!isJudgeableEncoding(value)) throw refused(name, "statements in this encoding can't be judged");
    if (underMask && !isUtf8(value)) throw refused(name, "under a mask the encoding is UTF8");
  }
  if (underMask && !UNDER_MASK.has(folded)) throw refused(name, "it is not on the list for principals under a mask");
}

function refused(name: string, why: string): Fault {
  return new Fault("startup-option-refused", `startup parameter "${name.slice(0, 64)}" is refused: ${why}`, {
    hint: "leave the parameter out of the connection string",
  });
}

/**
 * Settings in an `options` string: `-c name=value` and `--name=value`, split at white space with backslash escapes as the
 * server does (pg_split_opts). Anything else is refused: other switches change the backend itself.
 */
function optionSettings(options: string): readonly { readonly name: string; readonly value: string }[] {
  // What counts as white space beyond ASCII is the server's locale's business: a word that it does not split must not be split here.
  if (/[^\t\n\v\f\r\x20-\x7e]/.test(options)) throw refused("options", "it holds characters beyond printable ASCII");
  const words = (options.match(/(?:\\[\s\S]|[^\s\\])+/g) ?? []).map((word) => word.replace(/\\([\s\S])/g, "$1"));
  const settings = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    const text = word === "-c" ? words[++index] : word.startsWith("--") ? word.slice(2) : word.startsWith("-c") ? word.slice(2) : undefined;
    const [, name, value] = /^([A-Za-z_][\w.$-]*)=([\s\S]*)$/.exec(text ?? "") ?? [];
    if (name === undefined || value === undefined) throw refused("options", "only -c name=value and --name=value are understood");
    settings.push({ name: name.replaceAll("-", "_"), value });
  }
  return settings;
}

/** PostgreSQL keeps NAMEDATALEN - 1 = 63 bytes of application_name and shows non-ASCII as `?`. */
function marked(application: string, mark: string): string {
  const clean = (text: string) => text.replace(/[^\x20-\x7e]/g, "?");
  const tail = clean(mark).slice(0, 40);
  const head = clean(application).slice(0, 63 - tail.length - 1);
  return head === "" ? tail : `${head} ${tail}`;
}
