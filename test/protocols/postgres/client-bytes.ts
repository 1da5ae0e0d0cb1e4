/** Messages of a client as node-postgres writes them, with short names for scripts. */
import { serialize } from "pg-protocol";
import { frame, word } from "#test/protocols/postgres/bytes.ts";

export const query = (sql: string): Buffer => serialize.query(sql);
export const parse = (name: string, text: string, types: number[] = []): Buffer => serialize.parse({ name, text, types });
export const bind = (statement = "", values: readonly (string | Buffer | null)[] = [], portal = "", binary = false): Buffer =>
  serialize.bind({ statement, values: [...values], portal, binary });
export const execute = (portal = "", rows = 0): Buffer => serialize.execute({ portal, rows });
export const describeStatement = (name = ""): Buffer => serialize.describe({ type: "S", name });
export const describePortal = (name = ""): Buffer => serialize.describe({ type: "P", name });
export const closeStatement = (name: string): Buffer => serialize.close({ type: "S", name });
export const closePortal = (name: string): Buffer => serialize.close({ type: "P", name });
export const copyData = (data: string | Uint8Array): Buffer => frame("d", data);
export const copyFail = (why: string): Buffer => serialize.copyFail(why);
export const functionCall = (): Buffer => frame("F", Buffer.concat([word(1598), Buffer.from([0, 0, 0, 0, 0, 0])]));

export const SYNC = Buffer.from(serialize.sync());
export const FLUSH = Buffer.from(serialize.flush());
export const TERMINATE = Buffer.from(serialize.end());
export const COPY_DONE = Buffer.from(serialize.copyDone());
