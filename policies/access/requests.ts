/**
 * Whether access rules cover an HTTP request: its right, then what a rule may narrow down, method, path and tools. Rules
 * add up, so each tool of a batch may be covered by another rule. A denial names the first thing that none covers.
 */
import type { Decision, Denial } from "#policies/decision.ts";
import { isPath } from "#policies/http-paths.ts";
import type { HttpFacts, Right } from "#policies/question.ts";
import type { AccessRule } from "./rules.ts";

/** RFC 9110 section 9.2.1 calls these safe, TRACE apart, which is refused. */
const READS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** What an MCP client needs besides calling tools, and what tells no more than names. Anything else is a way around a tool rule. */
const BESIDE_TOOLS =
  /^(initialize|ping|server\/discover|logging\/setLevel|(tools|resources|resources\/templates|prompts)\/list|notifications\/[A-Za-z/_-]+|response)$/;

export function rightOf(method: string): Right {
  return READS.has(method) ? "read" : "write";
}

/** @param rules those for the principal and the target; at least one */
export function judgeRequest(rules: readonly AccessRule[], facts: HttpFacts, target: string): Decision {
  const right = rightOf(facts.method);
  const granting = rules.filter(({ may }) => may.includes(right));
  if (granting.length === 0) {
    const message = `${facts.method} needs "${right}" on ${target}, which no access rule grants this principal`;
    return denial(message, `a rule with may: [${right}] for ${target} is needed`);
  }
  const byMethod = granting.filter(({ methods }) => methods === undefined || methods.some((one) => isMethod(one, facts.method)));
  if (byMethod.length === 0) {
    const message = `no access rule that grants "${right}" on ${target} covers the method ${facts.method}`;
    return denial(message, `a rule whose methods have ${facts.method} is needed`);
  }
  const byPath = byMethod.filter(({ paths }) => paths === undefined || paths.some((pattern) => isPath(pattern, facts.path)));
  if (byPath.length === 0) {
    const message = `no access rule that grants ${facts.method} on ${target} covers this path`;
    return denial(message, "a rule whose paths match it is needed");
  }
  return judgeTools(byPath, facts, target);
}

/** As servers answer it: HEAD is GET without the content. */
function isMethod(granted: string, asked: string): boolean {
  return granted === asked || (granted === "GET" && asked === "HEAD");
}

function judgeTools(rules: readonly AccessRule[], { mcp }: HttpFacts, target: string): Decision {
  const [open] = rules.filter(({ tools }) => tools === undefined);
  if (open !== undefined) return { verdict: "allow", rule: open.name, reason: null };
  const [first] = rules;
  if (mcp === null) {
    return denial(`the access rules for this path of ${target} are for tools of its MCP server alone`, "a rule without tools is needed");
  }
  const beyond = mcp.methods.find((method) => method !== "tools/call" && !BESIDE_TOOLS.test(method));
  if (beyond !== undefined) {
    const message = `${inWords(beyond)} is not covered by access rules for tools`;
    return denial(message, "a rule without tools is needed for what MCP has besides tools");
  }
  const missing = mcp.tools.find((tool) => !rules.some(({ tools }) => tools?.some((pattern) => isTool(pattern, tool))));
  if (missing !== undefined) {
    const message = `no access rule on ${target} covers the tool ${inWords(missing)}`;
    return denial(message, "a rule whose tools match its name is needed");
  }
  const [called] = mcp.tools;
  const covering = called === undefined ? first : rules.find(({ tools }) => tools?.some((pattern) => isTool(pattern, called)));
  return { verdict: "allow", rule: covering?.name ?? null, reason: null };
}

/** `*` stands for any characters; all else exactly. */
function isTool(pattern: string, tool: string): boolean {
  const [start = "", ...rest] = pattern.split("*");
  const end = rest.pop();
  if (end === undefined) return tool === pattern;
  if (!tool.startsWith(start) || !tool.endsWith(end) || tool.length < start.length + end.length) return false;
  let from = start.length;
  for (const part of rest) {
    const found = tool.indexOf(part, from);
    if (found === -1 || found + part.length > tool.length - end.length) return false;
    from = found + part.length;
  }
  return true;
}

/** A name that a client made up is shown as what it is, and not at any length. */
function inWords(name: string): string {
  return JSON.stringify(name.length > 128 ? `${name.slice(0, 128)}…` : name);
}

function denial(message: string, hint: string): Denial {
  return { verdict: "deny", reason: "access-not-granted", rule: null, message, hint, position: null };
}
