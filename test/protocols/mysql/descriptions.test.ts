/** What is kept of columns stands for those that come as they came before, and for no others. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readColumn } from "#protocols/mysql/column.ts";
import { Descriptions } from "#protocols/mysql/descriptions.ts";
import { readTextRow } from "#protocols/mysql/values.ts";
import { Run } from "#protocols/wire/run.ts";
import type { EventBody } from "#protocols/wire/transcript.ts";

function definition(name: string, type = 0xfd): Buffer {
  const texts = ["def", "shop", "users", "users", name, name].flatMap((text) => [text.length, ...Buffer.from(text)]);
  return Buffer.from([...texts, 0x0c, 45, 0, 0, 0, 0, 0, type, 0, 0, 0, 0, 0]);
}

function rowsUnder(descriptions: Descriptions, told: readonly Buffer[]): EventBody {
  const events: EventBody[] = [];
  const append = (event: EventBody): number => events.push(event);
  const limits = { rowsPerStatement: 10, bytesPerStatement: 1000 };
  const run = new Run({ statement: 1, judgement: null, startedMs: 0, append, limits, read: () => [] });
  const columns = told.map((payload, at) => descriptions.column(payload, at));
  descriptions.describe(run, columns, readTextRow);
  run.row(Buffer.concat(columns.map(() => Buffer.from([1, 0x78]))));
  run.cut();
  const [event] = events;
  assert.ok(event !== undefined);
  return event;
}

describe("descriptions of columns", () => {
  test("are the very same for what comes again", () => {
    const descriptions = new Descriptions();
    const [first, again] = [0, 1].map(() => rowsUnder(descriptions, [definition("id"), definition("name")]));
    assert.deepEqual(first, again);
    assert.ok(first?.kind === "rows" && again?.kind === "rows");
    assert.equal(first.columns, again.columns);
  });

  test("are read anew for what differs, in a byte, in number or in order", () => {
    const descriptions = new Descriptions();
    for (const names of [["id", "name"], ["id", "nama"], ["id"], ["nama", "id"], ["id", "name", "id"]]) {
      const event = rowsUnder(
        descriptions,
        names.map((name) => definition(name)),
      );
      assert.ok(event.kind === "rows");
      assert.deepEqual(
        event.columns.map(({ name }) => name),
        names,
      );
    }
    const retyped = definition("id", 0x03);
    assert.deepEqual(descriptions.column(retyped, 0), readColumn(retyped));
  });

  test("outlive the bytes that they were read off", () => {
    const descriptions = new Descriptions();
    const told = definition("id");
    descriptions.column(told, 0);
    told.fill(0);
    assert.equal(descriptions.column(definition("id"), 0).name, "id");
  });
});
