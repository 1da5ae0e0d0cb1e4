/**
 * From the client to the target: cuts bytes into commands, one at a time, and carries out what `client-commands.ts` makes of
 * them. While an answer is under way nothing more is read; what a client sends ahead is kept, up to a limit.
 */
import { createHash, type Hash } from "node:crypto";
import { BIND_GATHER_BYTES_MAX, STATEMENT_BYTES_MAX } from "#protocols/wire/limits.ts";
import { ClientCommands } from "./client-commands.ts";
import { ClientFramer, type CommandHandler } from "./client-frame.ts";
import type { Asked, Outcome } from "./command-outcome.ts";
import { COMMAND } from "./constants.ts";
import type { MysqlJudge, SessionEffects } from "./judge.ts";
import { largeCommand } from "./large-commands.ts";
import { LocalFile } from "./local-file.ts";
import type { ServerFlow } from "./server-flow.ts";
import type { SessionState } from "./session.ts";

/** Where bytes go; both are written once the record has them. */
export interface Outlets {
  readonly upstream: Buffer[];
  readonly client: Buffer[];
}

/** Bytes that a client may send ahead of the answer that it should wait for; beyond it its connection is not read. */
export const AHEAD_BYTES_MAX = 64 * 1024;

const OTHER_BYTES_MAX = 64 * 1024;

interface Streamed {
  readonly event: number | null;
  readonly digest: Hash;
  bytes: number;
  readonly takes: (payload: Buffer) => void;
  readonly done: () => void;
}

export class ClientFlow implements CommandHandler {
  readonly #state: SessionState;
  readonly #server: ServerFlow;
  readonly #commands: ClientCommands;
  readonly #framer: ClientFramer;
  #out: Outlets = { upstream: [], client: [] };
  #nowMs = 0;
  /** An outcome is waited for. */
  #asking = false;
  /** What it is waited for by, until it is handed out. */
  #asked: Asked | undefined;
  #streamed: Streamed | null = null;
  #file: LocalFile | null = null;
  #ended = false;

  constructor(state: SessionState, server: ServerFlow, judge: MysqlJudge, effects: SessionEffects) {
    this.#state = state;
    this.#server = server;
    this.#commands = new ClientCommands(state, judge, effects);
    this.#framer = new ClientFramer(this);
  }

  /** The client said COM_QUIT; what comes behind it is not read. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The target stands between two commands: one of our own may go out. */
  get atBoundary(): boolean {
    return this.#framer.atBoundary && !this.#state.sendingFile;
  }

  /** The client has sent more ahead than is kept: it should not be read. */
  get full(): boolean {
    return this.#framer.heldBytes > AHEAD_BYTES_MAX && !this.#goesOn;
  }

  /** Something of the client's waits here to be read. */
  get holds(): boolean {
    return this.#framer.heldBytes > 0;
  }

  /**
   * @param nowMs monotonic milliseconds
   * @param out receives views of `chunk`, valid until they are written
   * @returns what to wait for before `resume`, once; undefined: nothing, or nothing more than before
   * @throws Fault: the session ends
   */
  push(chunk: Buffer, nowMs: number, out: Outlets): Asked | undefined {
    if (this.#ended) return undefined;
    this.#state.budget.spendBytes(chunk.length);
    this.#out = out;
    this.#nowMs = nowMs;
    if (this.#asking) this.#framer.hold(chunk);
    else this.#read(chunk);
    return this.#taken();
  }

  /** What was asked for has come, or the answer under way is complete: what is held is read on. */
  resume(outcome: Outcome | null, nowMs: number, out: Outlets): Asked | undefined {
    this.#out = out;
    this.#nowMs = nowMs;
    if (outcome !== null) {
      this.#asking = false;
      this.#carryOut(outcome);
    }
    if (!this.#asking) this.#read(Buffer.alloc(0));
    return this.#taken();
  }

  collects(command: number): number {
    if (command === COMMAND.query || command === COMMAND.stmtPrepare) return STATEMENT_BYTES_MAX;
    if (command === COMMAND.stmtExecute) return BIND_GATHER_BYTES_MAX;
    return OTHER_BYTES_MAX;
  }

  command(payload: Buffer, packets: Buffer): void {
    this.#state.commandSequence = this.#framer.sequence;
    this.#carryOut(this.#commands.onCommand(payload, packets, this.#nowMs));
  }

  large(command: number, beginning: Buffer): boolean {
    const outcome = largeCommand(this.#state, command, beginning, this.#nowMs);
    const { event, takes } = outcome;
    this.#streamed = { event, digest: createHash("sha256"), bytes: 0, takes, done: outcome.done(this.#carryOut.bind(this)) };
    return outcome.passes;
  }

  part(bytes: Buffer, payload: Buffer, last: boolean): void {
    const streamed = this.#streamed;
    if (streamed === null) throw new Error("broken invariant: a part of no command");
    streamed.digest.update(payload);
    streamed.bytes += payload.length;
    streamed.takes(payload);
    if (bytes.length > 0) this.#out.upstream.push(bytes);
    if (last) {
      this.#streamed = null;
      this.#state.commandSequence = this.#framer.sequence;
      if (streamed.event !== null) {
        this.#state.append({ kind: "body", statement: streamed.event, bytes: streamed.bytes, sha256: streamed.digest.digest("hex") });
      }
      streamed.done();
    }
  }

  file(bytes: Buffer, payload: Buffer, last: boolean): void {
    this.#file ??= new LocalFile(this.#state.terms.limits.bytesPerStatement);
    this.#file.add(payload);
    if (last) {
      this.#file.end(this.#state);
      this.#file = null;
      this.#state.sendingFile = false;
      this.#state.commandSequence = this.#framer.sequence;
      this.#server.restartAfterFile();
    }
    this.#out.upstream.push(bytes);
  }

  get #goesOn(): boolean {
    return !this.#asking && this.#state.answer === null && !this.#ended;
  }

  #read(chunk: Buffer): void {
    this.#framer.read(
      chunk,
      () => this.#goesOn,
      () => this.#state.sendingFile,
    );
  }

  /** Whoever waited for it twice would carry it out twice. */
  #taken(): Asked | undefined {
    const asked = this.#asked;
    this.#asked = undefined;
    return asked;
  }

  #carryOut(outcome: Outcome): void {
    switch (outcome.kind) {
      case "forward":
        this.#state.answer = outcome.answer;
        if (outcome.answer !== null) this.#server.restart();
        this.#out.upstream.push(...outcome.bytes);
        return;
      case "answer":
        this.#server.restart();
        for (const payload of outcome.payloads) this.#out.client.push(this.#server.stamped(payload));
        return;
      case "ask":
        this.#asking = true;
        this.#asked = outcome.asked;
        return;
      case "quit":
        this.#ended = true;
        this.#out.upstream.push(...outcome.bytes);
        return;
    }
  }
}
