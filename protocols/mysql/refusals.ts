/** Refusals that need no policy, and the judgement of a text that streams by unread. */
import type { Denial, DenyReason } from "#policies/decision.ts";
import { secretsIn } from "#protocols/sql/mysql/secrets.ts";
import { unreadJudgement } from "#protocols/wire/unread.ts";
import { CAPABILITY, EXECUTE_FLAG } from "./constants.ts";
import type { MysqlJudgement } from "./judge.ts";
import type { SessionTerms } from "./session.ts";

/** A command that is not served: administration, replication, and what no client sends any more. */
export function commandDenial(what: string): Denial {
  return deny("command-refused", `${what} is refused`, "use SQL for it, as far as access rules allow it");
}

/** @param allowed by the target's configuration, but not as the statement is spelled or sent */
export function localFileDenial(allowed: boolean): Denial {
  if (!allowed) return deny("command-refused", "LOAD DATA LOCAL is not allowed for this target", "insert the rows by INSERT");
  const message = "LOAD DATA LOCAL is relayed only as one statement by itself, its file named by one literal";
  return deny("command-refused", message, "send LOAD DATA LOCAL INFILE '…' as a text of its own, not prepared");
}

/**
 * A COM_STMT_EXECUTE whose form the target would read otherwise: with query attributes, which it does not know, or with the names
 * of parameters that go with them.
 *
 * @param payload its beginning, command byte first. @returns null where both read it alike
 */
export function attributesDenial(
  payload: Buffer,
  { parameters }: { readonly parameters: number },
  { clientCapabilities, upstreamCapabilities }: Pick<SessionTerms, "clientCapabilities" | "upstreamCapabilities">,
): Denial | null {
  if ((upstreamCapabilities & CAPABILITY.queryAttributes) !== 0) return null;
  const counted = ((payload[5] ?? 0) & EXECUTE_FLAG.parameterCountAvailable) !== 0;
  const named = (clientCapabilities & CAPABILITY.queryAttributes) !== 0 && parameters > 0;
  return counted || named ? commandDenial("COM_STMT_EXECUTE with query attributes, which this target does not know,") : null;
}

/** The catalogue has changed since a statement was judged, and the server would run it on what is there now. */
export function changedDenial(id: number | string): Denial {
  return deny("masked-unresolved", `what prepared statement ${id} reads has changed since it was prepared`, "prepare the statement again");
}

/** Under no mask: a procedure may have prepared it, or a text that was not understood. */
export function unknownNameDenial(name: string): Denial {
  return deny("statement-unparsed", `what EXECUTE ${name} runs is not known`, "PREPARE it from one string, in this session");
}

/** What goes upstream under a mask is one statement a command. */
export function severalDenial(prepared: boolean): Denial {
  if (prepared) return deny("masked-statement-kind", "several statements in one text that is to be prepared", "prepare them one by one");
  const message = "several statements in one text, over a connection that did not ask for them";
  return deny("masked-statement-kind", message, "send them one by one, or connect with CLIENT_MULTI_STATEMENTS");
}

/** KILL is for the gateway, and a file must belong to one statement for certain. */
export function killAmongOthersDenial(): Denial {
  return deny("command-refused", "KILL is carried out only as a text of its own", "send it by itself");
}

/** A statement of a text reads differently when its turn comes. */
export function turnedDenial(underMask: boolean): Denial {
  const message = "what stands before the statement in its text has changed how it is read";
  return deny(underMask ? "masked-unresolved" : "statement-unparsed", message, "send it by itself");
}

/** Under a mask, what was not prepared in this session has not been judged. */
export function unknownStatementDenial(id: number): Denial {
  return deny("masked-unsupported", `no statement ${id} was prepared in this session`, "prepare the statement again");
}

export function deny(reason: DenyReason, message: string, hint: string): Denial {
  return { verdict: "deny", reason, rule: null, message, hint, position: null };
}

/** For a text that streams by, unread. */
export function unparsedJudgement(beginning: Buffer, bytes: number): MysqlJudgement {
  return {
    ...unreadJudgement(beginning, bytes, secretsIn),
    several: [],
    instead: null,
    localFile: null,
    inserts: false,
    named: null,
    mayPrepare: true,
    setsSeveral: false,
    temporary: null,
    holdsWith: () => true,
  };
}
