/**
 * Messages to an MCP server (streamable HTTP): what they call, for the record and for rules on tools. A message whose readers
 * could differ in what it calls, by a name given twice or in another case, is refused; so is one that can't be read.
 *
 * Source: Model Context Protocol, "Transports" of the revisions 2025-03-26 (which has batches) to 2026-07-28 (which names method
 * and tool in header fields too); JSON-RPC 2.0.
 */

import type { Denial } from "#policies/decision.ts";
import type { McpFacts } from "#policies/question.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { type HeaderPair, valuesOf } from "./header-pairs.ts";
import { isArray, isObject, type JsonObject, type JsonValue, readJson } from "./json-tree.ts";
import { isUtf8Charset, readMediaType } from "./media-type.ts";
import { type Answer, answer } from "./problem.ts";
import { WIRE_ERRORS } from "./wire-errors.ts";

/** Of a message that is read whole. Servers take 4 MiB (the SDK's own limit) at most. */
export const MCP_MESSAGE_BYTES_MAX = 4 * 1024 * 1024;

const BATCH_MAX = 100;

export interface McpCall {
  /** As the message has it: a number, a text, or null where it has none (a notification). */
  readonly id: string | number | null;
  /** `response` of what answers a request of the server's. */
  readonly method: string;
  /** Of `tools/call`; null otherwise. */
  readonly tool: string | null;
}

export interface McpMessage {
  readonly batch: boolean;
  readonly calls: readonly McpCall[];
}

/**
 * @param raw the request's header fields
 * @param body the whole body
 * @returns a fault `mcp-unreadable`
 */
export function mcpMessage(raw: readonly HeaderPair[], body: Buffer): McpMessage | Fault {
  const [type, ...types] = valuesOf(raw, "content-type").map(readMediaType);
  if (type === undefined || types.length > 0 || type.name !== "application/json" || !isUtf8Charset(type)) {
    return unreadable("is not application/json in UTF-8");
  }
  if (valuesOf(raw, "content-encoding").some((coding) => coding.trim().toLowerCase() !== "identity"))
    return unreadable("has a content coding");
  if (body.length > MCP_MESSAGE_BYTES_MAX) return unreadable(`is larger than ${MCP_MESSAGE_BYTES_MAX} bytes`);
  const value = readJson(body);
  if (value === undefined) return unreadable("is not strict JSON");
  const batch = isArray(value);
  const messages: readonly JsonValue[] = batch ? value : [value];
  if (messages.length === 0 || messages.length > BATCH_MAX) return unreadable(`is a batch of no messages, or of more than ${BATCH_MAX}`);
  const calls: McpCall[] = [];
  for (const message of messages) {
    const call = isObject(message) ? callOf(message) : unreadable("holds something that is no message");
    if (call instanceof Fault) return call;
    calls.push(call);
  }
  return contradiction(raw, calls) ?? { batch, calls };
}

/** What policy is asked about. */
export function mcpFacts({ calls }: McpMessage): McpFacts {
  return { methods: calls.map(({ method }) => method), tools: calls.flatMap(({ tool }) => (tool === null ? [] : [tool])) };
}

/** Of a GET, which opens a stream, or a DELETE, which ends a session: they call nothing. */
export const NO_CALLS: McpFacts = { methods: [], tools: [] };

function callOf(message: JsonObject): McpCall | Fault {
  const envelope = membersOf(message, ["jsonrpc", "id", "method", "params", "result", "error"]);
  if (envelope === undefined) return unreadable("names a member twice, or in another case");
  const method = envelope.get("method");
  const id = envelope.get("id") ?? null;
  if (id !== null && typeof id !== "string" && typeof id !== "number") return unreadable("has an id that is neither text nor number");
  if (method === undefined) {
    if (!envelope.has("result") && !envelope.has("error")) return unreadable("is neither request nor response");
    return { id, method: "response", tool: null };
  }
  if (typeof method !== "string" || envelope.has("result") || envelope.has("error")) return unreadable("is both request and response");
  if (plain(method) !== method) return unreadable("has a method that can be read in more than one way");
  if (method !== "tools/call") return { id, method, tool: null };
  const params = envelope.get("params");
  const named = isObject(params) ? membersOf(params, ["name", "arguments"]) : undefined;
  const tool = named?.get("name");
  return typeof tool === "string" ? { id, method, tool } : unreadable("calls a tool without naming it exactly once");
}

/** Undefined where a name is there twice, or one of `known` in another spelling: Go's decoder, among others, takes these for the same. */
function membersOf({ members }: JsonObject, known: readonly string[]): ReadonlyMap<string, JsonValue> | undefined {
  const seen = new Map<string, JsonValue>();
  for (const [name, value] of members) {
    if (seen.has(name) || (!known.includes(name) && known.includes(plain(name).toLowerCase()))) return undefined;
    seen.set(name, value);
  }
  return seen;
}

/** Without what folding of case, compatibility forms and invisible characters could hide. */
function plain(text: string): string {
  return text.normalize("NFKC").replace(/[\p{Cf}\p{Cc}\s]/gu, "");
}

/** Servers of the newest revision may go by the fields; they have to say what the body does. */
function contradiction(raw: readonly HeaderPair[], calls: readonly McpCall[]): Fault | undefined {
  const [method] = valuesOf(raw, "mcp-method");
  const [name] = valuesOf(raw, "mcp-name");
  const [call, ...others] = calls;
  const differs =
    (method !== undefined && method.trim() !== call?.method) ||
    (name !== undefined && call?.tool !== null && decoded(name.trim()) !== call?.tool);
  if ((method !== undefined || name !== undefined) && (differs || others.length > 0))
    return unreadable("is not what its header fields say");
  return undefined;
}

/** A name that is no plain ASCII stands as `=?base64?…?=`. */
function decoded(name: string): string {
  const [, inner] = /^=\?base64\?([A-Za-z0-9+/]*={0,2})\?=$/.exec(name) ?? [];
  return inner === undefined ? name : Buffer.from(inner, "base64").toString("utf8");
}

function unreadable(what: string): Fault {
  return new Fault("mcp-unreadable", `the message to the MCP server ${what}`, {
    hint: "send one JSON-RPC message, or a batch, as application/json",
  });
}

/** JSON-RPC: what the server itself would use for a refusal of its own; the range is the implementation's. */
const REFUSED = -32001;
const UNREADABLE = -32600;

/** A refusal as an MCP client reads it, each request of the message answered; the status says the same to everything else. */
export function mcpRefusal(refusal: Fault | Denial, calls: readonly McpCall[], batch: boolean, requestId: string): Answer {
  const [reason, rule] = "verdict" in refusal ? [refusal.reason, refusal.rule] : [refusal.code, null];
  const error = {
    code: reason === "mcp-unreadable" ? UNREADABLE : REFUSED,
    message: refusal.message,
    data: { reason, ...(rule === null ? {} : { rule }), ...(refusal.hint === "" ? {} : { hint: refusal.hint }), requestId },
  };
  const answered = calls.filter(({ id, method }) => id !== null && method !== "response");
  const errors = (answered.length === 0 ? [null] : answered.map(({ id }) => id)).map((id) => ({ jsonrpc: "2.0", id, error }));
  return answer(WIRE_ERRORS[reason].status, "application/json", batch ? errors : errors[0], requestId);
}
