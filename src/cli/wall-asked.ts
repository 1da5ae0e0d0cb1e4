/** What `sallyport wall` asks of either kind of server, and gets. */
import type { ActiveMask } from "#policies/question.ts";
import type { Config, DatabaseTarget } from "#src/config/config.ts";
import type { TargetOptions } from "./target.ts";

export interface WallOptions extends TargetOptions {
  readonly as: readonly string[];
  readonly group: readonly string[];
  readonly issuer?: string;
  readonly role: string;
  readonly schema?: string;
}

/** A wall of either kind. */
export interface PrintedWall {
  /** Of the rules that it is made of. */
  readonly problems: readonly { readonly message: string }[];
  /** What `--json` tells beside the SQL. */
  readonly described: object;
  readonly sql: string;
}

export interface WallAsked {
  readonly config: Config;
  readonly target: DatabaseTarget;
  readonly options: WallOptions;
  readonly masks: readonly ActiveMask[];
  /** Whom they are for, in words. */
  readonly whom: string;
}
