/**
 * The seed's database on real servers, and two principals who ask the same through one gateway: `owner` under every mask,
 * `boss` under none. What both are answered is compared.
 */
import assert from "node:assert/strict";
import { after, before, describe } from "node:test";
import type pg from "pg";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { connectPostgres, startPostgres, type TestPostgres } from "#test/support/postgres.ts";
import { until } from "#test/support/waiting.ts";
import { SHOWN_MASKED } from "./benign.ts";
import { type Answer, Attacker, type Way } from "./client.ts";
import { canaryIn } from "./search.ts";
import { AGENTS, SEED, withMasks } from "./seed.ts";

export interface World {
  readonly gateway: TestGateway;
  /** Straight to the server. */
  readonly other: pg.Client;
  readonly owner: Attacker;
  readonly boss: Attacker;
  /** Both answers, neither with an error, the first without anything protected. */
  both(sql: string, way?: Way): Promise<readonly [masked: Answer, bare: Answer]>;
  /** The owner's answer, which is a refusal for that reason. */
  refused(sql: string, reason: string): Promise<Answer>;
}

/** Registers `body`'s tests for PostgreSQL 18 and 15, each with a server and a gateway of its own. */
export function besideTheBoss(what: string, body: (world: () => World) => void): void {
  for (const version of [18, 15] as const) {
    describe(`${what} on PostgreSQL ${version}`, () => {
      let world: World | undefined;
      let postgres: TestPostgres;
      before(async () => {
        postgres = await startPostgres({ version });
        const other = await connectPostgres(postgres);
        await other.query(SEED);
        const gateway = await startGateway({ postgres, agents: AGENTS, configure: withMasks });
        world = worldOf(gateway, other, await Attacker.login(gateway, "owner"), await Attacker.login(gateway, "boss"));
      });
      after(async () => {
        world?.owner.end();
        world?.boss.end();
        await world?.other.end();
        await world?.gateway.stop();
        await postgres.stop();
      });
      body(() => {
        assert.ok(world !== undefined, "the servers did not start");
        return world;
      });
    });
  }
}

function worldOf(gateway: TestGateway, other: pg.Client, owner: Attacker, boss: Attacker): World {
  const said = (sql: string, { error }: Answer) => `${sql}: ${[...(error ?? [])].join(" ")}`;
  return {
    gateway,
    other,
    owner,
    boss,
    async both(sql, way = "simple") {
      const [masked, bare] = [await owner.ask(sql, way), await boss.ask(sql, way)];
      assert.equal(masked.error, null, said(sql, masked));
      assert.equal(bare.error, null, said(sql, bare));
      assert.equal(canaryIn(masked.bytes), undefined, sql);
      return [masked, bare];
    },
    async refused(sql, reason) {
      const answer = await owner.ask(sql);
      assert.equal(answer.reason, reason, said(sql, answer));
      return answer;
    },
  };
}

/** Cells outside the masked columns; of several results, rows are told apart by their width. */
export function openCells({ names, rows }: Answer): readonly (readonly (string | null)[])[] {
  return rows.map((row) => {
    const own = names.find((some) => some.length === row.length) ?? [];
    return row.filter((_, at) => !SHOWN_MASKED.has(own[at] ?? ""));
  });
}

/** What others change in the catalogue is seen within a second, and later on a busy machine. */
export const eventually = (holds: () => Promise<boolean>): Promise<boolean> => until(holds, "it came to pass");
