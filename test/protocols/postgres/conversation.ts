/**
 * One session's two machines over one state, with a scripted judge and a record in memory: what a peer sends goes in as
 * bytes, and what comes out is kept, with a transcript of one line per message.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { ClientFlow } from "#protocols/postgres/client-flow.ts";
import { ServerFlow } from "#protocols/postgres/server-flow.ts";
import { SessionState, type SessionTerms } from "#protocols/postgres/session.ts";
import { type Caps, NO_CAPS } from "#protocols/wire/caps.ts";
import type { Judge, Judgement } from "#protocols/wire/judgement.ts";
import type { EventBody } from "#protocols/wire/transcript.ts";
import { allowed } from "#test/protocols/postgres/judgements.ts";
import { describeEvent, describeMessages } from "#test/protocols/postgres/transcript.ts";

export interface ConversationOptions extends Partial<Omit<SessionTerms, "caps">> {
  readonly caps?: Partial<Caps>;
  readonly judge?: Judge;
}

export class Conversation {
  readonly state: SessionState;
  readonly events: EventBody[] = [];
  readonly lines: string[] = [];
  readonly #client: ClientFlow;
  readonly #server: ServerFlow;
  readonly #toUpstream: Buffer[] = [];
  readonly #toClient: Buffer[] = [];
  /** What the client's side waits for. */
  asked: Promise<Judgement> | undefined;
  nowMs = 1_000;

  constructor(options: ConversationOptions = {}) {
    const terms: SessionTerms = {
      underMask: options.underMask ?? false,
      mayPassUnparsed: options.mayPassUnparsed ?? false,
      isProtected: options.isProtected ?? (() => false),
      hashOf: options.hashOf ?? (() => null),
      limits: options.limits ?? { rowsPerStatement: 1000, bytesPerStatement: 1 << 20 },
      caps: { ...NO_CAPS, ...options.caps },
    };
    this.state = new SessionState(terms, (event) => {
      this.events.push(event);
      this.lines.push(`          record #${this.events.length} ${describeEvent(event)}`);
      return this.events.length;
    });
    this.#client = new ClientFlow(this.state, options.judge ?? ((sql) => allowed(sql)), (value) => `digest(${value.length})`);
    this.#server = new ServerFlow(this.state);
  }

  /** The client sends these bytes in one chunk. @returns what of it goes upstream now */
  client(...parts: readonly Buffer[]): Buffer {
    return this.#step("client", parts, (chunk, out) => {
      this.asked = this.#client.push(chunk, this.nowMs, out);
    });
  }

  /** The judgement that `asked` promised. */
  answer(judgement: Judgement): Buffer {
    assert.ok(this.asked !== undefined, "nothing was asked");
    this.lines.push("          the judgement comes");
    return this.#step("client", [], (_chunk, out) => {
      this.asked = this.#client.resume(judgement, this.nowMs, out);
    });
  }

  server(...parts: readonly Buffer[]): Buffer {
    return this.#step("server", parts, (chunk, out) => this.#server.push(chunk, this.nowMs, out));
  }

  cut(): void {
    this.#server.cut();
  }

  get toUpstream(): Buffer {
    return Buffer.concat(this.#toUpstream);
  }

  get toClient(): Buffer {
    return Buffer.concat(this.#toClient);
  }

  get atBoundary(): boolean {
    return this.#server.atBoundary;
  }

  get ended(): boolean {
    return this.#client.ended;
  }

  get transcript(): string {
    return `${this.lines.join("\n")}\n`;
  }

  of<Kind extends EventBody["kind"]>(kind: Kind): readonly Extract<EventBody, { kind: Kind }>[] {
    return this.events.filter((event): event is Extract<EventBody, { kind: Kind }> => event.kind === kind);
  }

  /** Nothing is under way, on either side. */
  assertIdle(): void {
    assert.equal(this.state.operations.length, 0, "operations await an answer");
    assert.deepEqual([this.state.skipping, this.state.copy.kind, this.asked], [false, "none", undefined]);
  }

  #step(side: "client" | "server", parts: readonly Buffer[], push: (chunk: Buffer, out: Buffer[]) => void): Buffer {
    // The chunk's memory is lent: what is kept of it must be a copy.
    const chunk = Buffer.concat(parts);
    const sent = describeMessages(side, chunk);
    const out: Buffer[] = [];
    const mark = this.lines.length;
    try {
      push(chunk, out);
    } catch (error) {
      this.lines.push(`          fault ${error instanceof Error ? error.message : String(error)}`);
      throw error;
    } finally {
      const forwarded = Buffer.concat(out);
      (side === "client" ? this.#toUpstream : this.#toClient).push(forwarded);
      const arrow = side === "client" ? "-->" : "<--";
      const same = forwarded.equals(chunk);
      this.lines.splice(mark, 0, ...sent.map((line) => `${side} ${same ? arrow : "   "}  ${line}`));
      if (!same) this.lines.push(...describeMessages(side, forwarded).map((line) => `       ${arrow}  ${line}`));
      chunk.fill(0xee);
    }
    return this.#last(side);
  }

  #last(side: "client" | "server"): Buffer {
    return (side === "client" ? this.#toUpstream : this.#toClient).at(-1) ?? Buffer.alloc(0);
  }
}

/** Compares the transcript with the file of this name; `--test-update-snapshots` writes it. */
export function assertTranscript(t: TestContext, conversation: Conversation, name: string): void {
  const path = join(import.meta.dirname, "transcripts", `${name}.txt`);
  t.assert.fileSnapshot(conversation.transcript, path, { serializers: [(text) => text] });
}
