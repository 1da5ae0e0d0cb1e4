/**
 * Keys of masks that hash, fetched like any secret: the policy document says that a column is hashed, and this with what. They are
 * no part of that document, since policy is plain data that may be shown.
 */
import type { Secret } from "#protocols/wire/secret.ts";
import type { Remark } from "./config.ts";
import type { Files } from "./files.ts";
import { leaves } from "./leaves.ts";

/** Below it, guessing the key would be less work than guessing values. */
const KEY_CHARACTERS_MIN = 16;

export interface HashKeys {
  /** By the name of the rule. */
  readonly keys: ReadonlyMap<string, Secret<string>>;
  readonly problems: readonly Remark[];
}

/** @param document as YAML has it; what is not as it should be is for its schema to tell */
export async function hashKeys(document: unknown, files: Files): Promise<HashKeys> {
  const { secret } = leaves(files);
  const keys = new Map<string, Secret<string>>();
  const problems: Remark[] = [];
  for (const [index, rule] of listIn(fieldOf(document, "masking"), "rules").entries()) {
    const hash = fieldOf(fieldOf(rule, "with"), "hash");
    if (hash === undefined) continue;
    const path = ["masking", "rules", index, "with", "hash", "key"];
    const parsed = await secret.safeParseAsync(fieldOf(hash, "key"));
    const name = fieldOf(rule, "name");
    if (!parsed.success) problems.push(...parsed.error.issues.map(({ message }) => ({ path, message })));
    else if (parsed.data.value.expose().length < KEY_CHARACTERS_MIN) {
      problems.push({ path, message: `expected a secret of at least ${KEY_CHARACTERS_MIN} characters` });
    } else keys.set(typeof name === "string" ? name : `masking.rules.${index}`, parsed.data.value);
  }
  return { keys, problems };
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
}

function listIn(value: unknown, name: string): readonly unknown[] {
  const list = fieldOf(value, name);
  return Array.isArray(list) ? list : [];
}
