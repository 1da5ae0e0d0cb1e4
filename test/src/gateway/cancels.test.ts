/** Whose a session is when it is to be stopped without its key. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Principal } from "#policies/question.ts";
import { Cancels, ownerOf } from "#src/gateway/cancels.ts";

const alice: Principal = { issuer: "https://idp.example", name: "alice", groups: ["data"], actor: null };

test("a session belongs to its principal by issuer, name and who acts, whatever the groups", () => {
  assert.equal(ownerOf(alice), ownerOf({ ...alice, groups: [] }));
  const others = [
    { ...alice, actor: "agent" },
    { ...alice, actor: "other" },
    { ...alice, name: "alice2" },
    { ...alice, issuer: "https://x" },
  ];
  assert.equal(new Set([alice, ...others].map(ownerOf)).size, 5);
});

test("an agent that acts for somebody stops neither that one's own sessions nor another agent's", () => {
  const cancels = new Cancels(1);
  const stopped: string[] = [];
  const session = (who: string, principal: Principal) => {
    const owned = { owner: ownerOf(principal), cancel: () => stopped.push(`query of ${who}`), end: () => stopped.push(who) };
    return cancels.issue(false, owned, null).processId;
  };
  const ids = [session("alice", alice), session("one", { ...alice, actor: "one" }), session("two", { ...alice, actor: "two" })];
  const agent = ownerOf({ ...alice, actor: "one" });
  assert.deepEqual(
    ids.map((id) => cancels.kill(id, agent, true, "127.0.0.1:1")),
    [false, true, false],
  );
  assert.deepEqual(stopped, ["one"]);
});
