/** What a client is told at the end of an answer: under a mask nothing of the plan that the server went by. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CAPABILITY, STATUS } from "#protocols/mysql/constants.ts";
import { readEof, readOk } from "#protocols/mysql/outcome.ts";
import { passes, toldEnd, toldEof, toldOk } from "#protocols/mysql/told.ts";
import { NO_CAPS } from "#protocols/wire/caps.ts";

const OF_THE_PLAN = STATUS.noIndexUsed | STATUS.noGoodIndexUsed | STATUS.queryWasSlow;
const OTHERS = STATUS.autocommit | STATUS.inTransaction | STATUS.moreResults | STATUS.cursorExists | STATUS.lastRowSent;
const EOF = { warnings: 1, status: OF_THE_PLAN | OTHERS };

const terms = (underMask: boolean) => ({
  ...{ underMask, mayPassUnparsed: false, localFiles: false, isProtected: () => false, caps: NO_CAPS, preamble: [] },
  ...{
    limits: { rowsPerStatement: 0, bytesPerStatement: 0 },
    clientCapabilities: 0x200,
    upstreamCapabilities: 0x200,
    product: "MySQL" as const,
  },
});

describe("the end of an answer", () => {
  test("under a mask tells no flags of the plan, and all others, in EOF and OK packets", () => {
    const [told] = toldEof(EOF, terms(true));
    assert.ok(told !== undefined);
    assert.deepEqual(readEof(told), { warnings: 1, status: OTHERS });
    const ok = { affectedRows: 0n, lastInsertId: 0n, warnings: 0, info: "", changes: Buffer.alloc(0), status: OF_THE_PLAN | OTHERS };
    assert.equal(readOk(toldOk(ok, terms(true), false), 0x200).status, OTHERS);
  });

  test("under no mask is told as it is", () => {
    const [told] = toldEof(EOF, terms(false));
    assert.ok(told !== undefined);
    assert.deepEqual(readEof(told), EOF);
    const ok = { affectedRows: 0n, lastInsertId: 0n, warnings: 0, info: "", changes: Buffer.alloc(0), status: OF_THE_PLAN | OTHERS };
    assert.equal(readOk(toldOk(ok, terms(false), false), 0x200).status, OF_THE_PLAN | OTHERS);
  });

  test("passes as it came where nothing is hidden and the client's connection has the same form", () => {
    const ok = { affectedRows: 0n, lastInsertId: 0n, warnings: 0, info: "", changes: Buffer.alloc(0), status: OTHERS };
    const changed = { ...ok, status: OTHERS | STATUS.sessionStateChanged };
    const tracking = { ...terms(false), clientCapabilities: 0x200 | CAPABILITY.sessionTrack };
    assert.equal(passes(ok, terms(false)), true);
    assert.equal(passes(changed, tracking), true);
    assert.equal(passes(changed, terms(false)), false, "the client does not know what is told of the session");
    assert.equal(passes(ok, terms(true)), false);
    assert.equal(toldEnd(EOF, null, terms(false)), null);
    assert.equal(toldEnd(ok, ok, tracking), null);
    assert.equal(toldEnd(EOF, null, terms(true))?.length, 1);
    assert.equal(toldEnd(ok, ok, terms(true))?.length, 1);
  });
});
