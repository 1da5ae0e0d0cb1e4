/**
 * A small model of a PostgreSQL backend: what it does with each message, as protocol-flow and postgres.c say, for texts of
 * a toy language. Its rows and errors name the text that it really ran, so that a record can be held against it.
 *
 * Texts: `rows 3 #id`, `fail #id` (at Parse), `break #id` (while running), `copyin #id`, `copyfail #id` (asks for data and
 * fails before reading any), `copyout #id`, `prepare s as ... #id`, `execute s #id`, `deallocate s`, `deallocate all`; several,
 * with `;` between them. `late` fails at the end of its text, when all is done and nothing of it is answered.
 */
import { readBind, readExecute, readNamed, readParse, readQuery } from "#protocols/postgres/decode.ts";
import * as s from "#test/protocols/postgres/server-bytes.ts";

interface Portal {
  readonly sql: string;
  given: number;
}

interface CopyIn {
  readonly sql: string;
  readonly extended: boolean;
  /** What the rest of a simple Query is. */
  readonly rest: readonly string[];
  data: string;
}

export class ModelServer {
  /** Texts as they ran, and the data of each COPY FROM STDIN that was completed. */
  readonly ran: string[] = [];
  readonly copied: { readonly sql: string; readonly data: string }[] = [];
  /** Texts that were run by a name: by a Bind, or by EXECUTE in a text. */
  readonly byName: { readonly sql: string; readonly by: string | null }[] = [];
  #inbox = Buffer.alloc(0);
  #outbox: Buffer[] = [];
  readonly #statements = new Map<string, string>();
  readonly #portals = new Map<string, Portal>();
  #ignoring = false;
  #copy: CopyIn | null = null;
  dead = false;
  #cancelled = false;

  receive(bytes: Buffer): void {
    this.#inbox = Buffer.concat([this.#inbox, bytes]);
  }

  get idle(): boolean {
    return this.dead || this.#next() === 0;
  }

  /**
   * A cancel request has come: what is worked off next fails, unless that is the end of what it was meant for.
   *
   * @returns how many messages behind that end it could hit
   */
  cancel(): number {
    this.#cancelled = !this.idle;
    const tags: string[] = [];
    for (let at = 0; this.#inbox.length - at >= 5; at += 1 + this.#inbox.readUInt32BE(at + 1))
      tags.push(this.#inbox.toString("latin1", at, at + 1));
    const end = tags.findIndex((tag) => tag === "S" || tag === "Q");
    return end < 0 ? 0 : tags.slice(end + 1).filter((tag) => "QPBDEC".includes(tag)).length;
  }

  /** Length of the next whole message; 0 when there is none. */
  #next(): number {
    if (this.#inbox.length < 5) return 0;
    const length = 1 + this.#inbox.readUInt32BE(1);
    return length <= this.#inbox.length ? length : 0;
  }

  get copying(): boolean {
    return this.#copy !== null;
  }

  /** Works off one message. @returns what it answers */
  step(): Buffer {
    const end = this.#next();
    if (this.dead || end === 0) return Buffer.alloc(0);
    const tag = this.#inbox.toString("latin1", 0, 1);
    const body = this.#inbox.subarray(5, end);
    this.#inbox = this.#inbox.subarray(end);
    this.#handle(tag, body);
    const out = Buffer.concat(this.#outbox);
    this.#outbox = [];
    return out;
  }

  #say(...messages: readonly Buffer[]): void {
    this.#outbox.push(...messages);
  }

  #handle(tag: string, body: Buffer): void {
    const cancelled = this.#cancelled;
    this.#cancelled = false;
    if (tag === "X") this.dead = true;
    else if (cancelled && !this.#ignoring && this.#copy === null && tag === "Q") this.#say(s.error("57014", "cancelled"), s.ready());
    else if (cancelled && !this.#ignoring && this.#copy === null && "PBDEC".includes(tag)) this.#fail("57014", "cancelled");
    else if (this.#copy !== null) this.#onCopy(this.#copy, tag, body);
    else if (this.#ignoring && tag !== "S") return;
    else if (tag === "Q") this.#query(readQuery(body));
    else if ("PBDECS".includes(tag)) this.#extended(tag, body);
  }

  #query(sql: string): void {
    this.#statements.delete("");
    if (this.#isBad(sql)) this.#say(s.error("42601", sql), s.ready());
    else
      this.#simple(
        sql.split(";").filter((text) => text.trim() !== ""),
        sql.trim() === "",
      );
  }

  #simple(texts: readonly string[], empty: boolean): void {
    if (empty) this.#say(s.EMPTY_QUERY);
    for (const [index, text] of texts.entries()) {
      const outcome = this.#run(text, null, 0, texts.slice(index + 1));
      if (outcome === "copying") return;
      if (outcome === "failed") break;
    }
    this.#portals.clear();
    this.#say(s.ready());
  }

  #extended(tag: string, body: Buffer): void {
    if (tag === "P") this.#parse(readParse(body));
    else if (tag === "B") this.#bind(readBind(body, true));
    else if (tag === "D") this.#describe(readNamed(body, "Describe"));
    else if (tag === "E") this.#execute(readExecute(body), body.readInt32BE(body.length - 4));
    else if (tag === "C") this.#close(readNamed(body, "Close"));
    else {
      this.#ignoring = false;
      this.#portals.clear();
      this.#say(s.ready());
    }
  }

  #fail(code: string, text: string): void {
    this.#say(s.error(code, text));
    this.#portals.clear();
    this.#ignoring = true;
  }

  #parse({ name, sql }: { readonly name: string; readonly sql: string }): void {
    if (name === "") this.#statements.delete("");
    if (this.#isBad(sql)) this.#fail("42601", sql);
    else if (this.#statements.has(name)) this.#fail("42P05", sql);
    else {
      this.#statements.set(name, sql);
      this.#say(s.PARSE_COMPLETE);
    }
  }

  #bind({ portal, statement }: { readonly portal: string; readonly statement: string }): void {
    const sql = this.#statements.get(statement);
    if (sql === undefined) this.#fail("26000", "no such statement");
    else if (portal !== "" && this.#portals.has(portal)) this.#fail("42P03", sql);
    else {
      this.#portals.set(portal, { sql, given: 0 });
      if (statement !== "") this.byName.push({ sql, by: null });
      this.#say(s.BIND_COMPLETE);
    }
  }

  #describe({ kind, name }: { readonly kind: string; readonly name: string }): void {
    const sql = kind === "statement" ? this.#statements.get(name) : this.#portals.get(name)?.sql;
    if (sql === undefined) this.#fail("34000", "no such name");
    else {
      if (kind === "statement") this.#say(s.parameterTypes());
      this.#say(rowsOf(this.#sourceOf(sql)) === null ? s.NO_DATA : s.columns("x"));
    }
  }

  #execute(name: string, limit: number): void {
    const portal = this.#portals.get(name);
    if (portal === undefined) this.#fail("34000", "no such portal");
    else if (portal.sql.trim() === "") this.#say(s.EMPTY_QUERY);
    else if (this.#run(portal.sql, portal, limit, []) === "failed") {
      this.#portals.clear();
      this.#ignoring = true;
    }
  }

  #close({ kind, name }: { readonly kind: string; readonly name: string }): void {
    if (kind === "statement") this.#statements.delete(name);
    else this.#portals.delete(name);
    this.#say(s.CLOSE_COMPLETE);
  }

  /** @param portal null in a simple Query, whose texts behind this one are `rest` */
  #run(sql: string, portal: Portal | null, limit: number, rest: readonly string[]): "done" | "failed" | "copying" {
    this.ran.push(sql);
    const [, verb = "", name = "", prepared = ""] = WORDS.exec(sql) ?? [];
    const failed = (code: string) => {
      this.#say(s.error(code, sql));
      return "failed" as const;
    };
    const source = this.#sourceOf(sql);
    if (verb === "execute") {
      if (!this.#statements.has(name)) return failed("26000");
      this.byName.push({ sql: source, by: sql });
    }
    if (rowsOf(source) !== null) return this.#rows(sql, portal, limit);
    if (/^\s*break/.test(source)) {
      this.#say(s.notice(sql));
      this.#say(s.error("22012", `${sql} ${source}`));
      return "failed";
    }
    if (verb === "copyin" || verb === "copyfail") {
      this.#say(s.COPY_IN);
      if (verb === "copyfail") return failed("P0001");
      this.#copy = { sql, extended: portal !== null, rest, data: "" };
      return "copying";
    }
    if (verb === "copyout") this.#say(s.COPY_OUT, s.serverCopyData(sql), s.SERVER_COPY_DONE);
    else if (verb === "prepare") {
      if (this.#statements.has(name)) return failed("42P05");
      this.#statements.set(name, prepared);
    } else if (verb === "deallocate" && !this.#deallocate(name)) return failed("26000");
    if (sql.includes("late")) return failed("23503");
    this.#say(s.complete(verb.toUpperCase()));
    return "done";
  }

  #deallocate(name: string): boolean {
    if (name !== "all") return this.#statements.delete(name);
    for (const one of this.#statements.keys()) if (one !== "") this.#statements.delete(one);
    return true;
  }

  /** The text that a text runs: of EXECUTE, what stands under the name. */
  #sourceOf(sql: string): string {
    const [, verb = "", name = ""] = WORDS.exec(sql) ?? [];
    return verb === "execute" ? (this.#statements.get(name) ?? "") : sql;
  }

  #rows(sql: string, portal: Portal | null, limit: number): "done" {
    const left = (rowsOf(this.#sourceOf(sql)) ?? 0) - (portal?.given ?? 0);
    const now = limit > 0 ? Math.min(limit, left) : left;
    if (portal === null) this.#say(s.columns("x"));
    else portal.given += now;
    this.#say(...Array.from({ length: now }, () => s.row(sql)));
    // The server says that a portal is suspended when the limit was reached, also when nothing is left behind it.
    this.#say(limit > 0 && now === limit ? s.PORTAL_SUSPENDED : s.complete(`SELECT ${now}`));
    return "done";
  }

  #onCopy(copy: CopyIn, tag: string, body: Buffer): void {
    if (tag === "d") {
      copy.data += body.toString("utf8");
      if (body.includes("bad")) this.#endCopy(copy, s.error("22P04", copy.sql));
    } else if (tag === "f") this.#endCopy(copy, s.error("57014", copy.sql));
    else if (tag === "c") this.#endCopy(copy, null);
    else if (tag !== "H" && tag !== "S") {
      this.#say(s.error("08P01", copy.sql), s.fatal("08P01", "terminating connection because protocol synchronization was lost"));
      this.dead = true;
    }
  }

  #endCopy(copy: CopyIn, failure: Buffer | null): void {
    this.#copy = null;
    if (failure === null) {
      this.copied.push({ sql: copy.sql, data: copy.data });
      this.#say(s.complete("COPY 1"));
      if (!copy.extended) this.#simple(copy.rest, false);
      return;
    }
    this.#portals.clear();
    this.#say(failure);
    if (copy.extended) this.#ignoring = true;
    else this.#say(s.ready());
  }

  #isBad(sql: string): boolean {
    return sql.startsWith("sallyport") || sql.includes("fail #");
  }
}

const WORDS = /^\s*(\w+)\s*(\w*)(?: as (.*))?/s;

function rowsOf(sql: string): number | null {
  const count = /^\s*rows (\d+)/.exec(sql)?.[1];
  return count === undefined ? null : Number(count);
}
