/**
 * One request on record: the statement event that stands before anything is sent, heads as they were sent and shown, how it
 * ended. Values that let somebody in are digests.
 */
import type { Decision } from "#policies/decision.ts";
import type { HttpMask } from "#policies/question.ts";
import { decodedParameter, type HeaderPair, maskedQuery, type RequestedTarget, replacedParameters } from "#protocols/http/protocol.ts";
import type { Fault } from "#protocols/wire/fault.ts";
import { RECORDED_SQL_BYTES_MAX, RECORDED_VALUE_BYTES_MAX } from "#protocols/wire/limits.ts";
import { recordedText } from "#protocols/wire/recorded.ts";
import type { WorkerSelf } from "#src/gateway/worker-self.ts";
import { BodyRecord } from "./body-record.ts";
import type { HttpSession } from "./session.ts";

/** What these hold opens a door, here or at the target. */
const SECRET_FIELDS =
  /^(authorization|proxy-authorization|cookie|set-cookie|.*(token|secret|api-?key|password|signature|credential)s?|x-amz-security-token|sec-websocket-key|mcp-session-id)$/;

/** Parameters go by shorter names than fields do. */
const SECRET_PARAMETERS = /^(key|sig|auth|pwd|passwd|code|assertion)$/;

/** As it may be written down: what is masked masked, what lets somebody in as digests. */
function recordedPath({ path, query }: RequestedTarget, masks: readonly HttpMask[], digestOf: (value: Buffer) => string): string {
  if (query === null) return path;
  const shown = replacedParameters(maskedQuery(query, masks), (written, value) => {
    const name = decodedParameter(written).toLowerCase().replaceAll("_", "-");
    return SECRET_FIELDS.test(name) || SECRET_PARAMETERS.test(name) ? digestOf(Buffer.from(decodedParameter(value))) : null;
  });
  return `${path}?${shown}`;
}

export interface RequestRecordParts {
  readonly session: HttpSession;
  readonly self: WorkerSelf;
  readonly method: string;
  readonly requested: RequestedTarget;
  /** In force on its path. */
  readonly masks: readonly HttpMask[];
  readonly decision: Decision;
  /** Of a message to an MCP server. */
  readonly tools: readonly string[];
}

export class RequestRecord {
  /** Sequence number of its event. */
  readonly statement: number;
  /** Names the request to target, client and auditors: session and event. */
  readonly requestId: string;
  readonly #parts: RequestRecordParts;
  readonly #startedMs: number;
  #over = false;

  /** Nothing is in the kernel before `flush`. @throws Fault `recording-failed` */
  constructor(parts: RequestRecordParts) {
    const { session, self, method, requested, masks, decision, tools } = parts;
    this.#parts = parts;
    this.#startedMs = self.clock.monotonicMs();
    this.statement = session.append({
      kind: "statement",
      sql: recordedText(`${method} ${recordedPath(requested, masks, self.digestOf)}`, RECORDED_SQL_BYTES_MAX),
      upstreamSql: null,
      parameters: [],
      verdict: decision.verdict,
      rule: decision.rule,
      reason: decision.verdict === "deny" || decision.verdict === "allow" ? decision.reason : null,
      tables: tools.map((tool) => `tool:${tool}`),
    });
    session.counts.statements++;
    this.requestId = `${session.id}.${this.statement}`;
    if (decision.verdict === "deny") {
      session.counts.denied++;
      const { rule, reason, message } = decision;
      session.append({ kind: "denied", statement: this.statement, rule, reason, message });
    }
  }

  flush(): void {
    this.#parts.session.flush();
  }

  /** @param status null: of the request */
  head(direction: "in" | "out", status: number | null, headers: readonly HeaderPair[]): void {
    const fields = headers.map(([name, value]) => ({ name: name.toLowerCase(), value: this.#shown(name, value) }));
    this.#parts.session.append({ kind: "head", statement: this.statement, direction, status, fields });
  }

  /** @param digestOnly nothing of it may be written down */
  body(direction: "in" | "out", digestOnly: boolean): BodyRecord {
    const { session, self } = this.#parts;
    return new BodyRecord({ session, statement: this.statement, direction, digestOnly, nowMs: self.clock.monotonicMs });
  }

  done(tag: string, maskedCells: number): void {
    if (this.#over || this.#parts.session.over) return;
    this.#over = true;
    this.#parts.session.counts.maskedCells += maskedCells;
    const durationMs = Math.round((this.#parts.self.clock.monotonicMs() - this.#startedMs) * 1000) / 1000;
    this.#parts.session.append({ kind: "result", statement: this.statement, tag, rows: 0, durationMs, beyond: null });
  }

  failed(fault: Fault): void {
    if (this.#over || this.#parts.session.over) return;
    const from = fault.code.startsWith("upstream") ? "target" : "gateway";
    this.#parts.session.append({ kind: "error", statement: this.statement, fields: { C: fault.code, M: fault.message }, from });
    this.done(fault.code, 0);
  }

  #shown(name: string, value: string): string {
    if (SECRET_FIELDS.test(name.toLowerCase())) return this.#parts.self.digestOf(Buffer.from(value, "latin1"));
    const bytes = Buffer.from(value, "latin1");
    const text = bytes.toString("utf8");
    return text.length > RECORDED_VALUE_BYTES_MAX ? text.slice(0, RECORDED_VALUE_BYTES_MAX) : text;
  }
}
