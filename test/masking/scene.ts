/** What conversations are played with: who takes part, and messages that several of them send. */
import type pg from "pg";
import { message, text, words } from "#test/src/gateway/wire.ts";
import type { TestGateway } from "#test/support/gateway.ts";
import type { Answer, Attacker } from "./client.ts";

export interface Scene {
  readonly attacker: Attacker;
  /** Straight to the server: somebody else, under no mask. */
  readonly other: pg.Client;
  /** Lets a change of the schema be made; resolves once the gateway has read it. */
  readonly changed: TestGateway["changed"];
  /** OID of a type by name. */
  typeOid(name: string): Promise<number>;
}

/** Plays it; returns the answers whose cells are searched joined, too. All bytes are searched anyway. */
export type Conversation = (scene: Scene) => Promise<readonly Answer[]>;

export const FLUSH = message("H");
export const close = (kind: "S" | "P", name: string) => message("C", text(kind).subarray(0, 1), text(name));
export const short = (value: number) => Buffer.from([value >> 8, value & 0xff]);
export const parseTyped = (name: string, sql: string, types: readonly number[]) =>
  message("P", text(name), text(sql), short(types.length), ...types.map((oid) => words(oid)));

export async function sent({ attacker }: Scene, ...bytes: readonly Buffer[]): Promise<readonly Answer[]> {
  attacker.send(...bytes);
  return [await attacker.answer()];
}

export const SECRET = "SELECT ssn, email, salary, photo, token, bio FROM users";
