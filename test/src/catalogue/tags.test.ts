/** Tags as people write them into comments, and as labels hold them. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { columnTags, tagsInComment, tagsInLabel } from "#src/catalogue/tags.ts";

describe("tags in a comment", () => {
  for (const [comment, tags] of [
    ["social security number sallyport:pii", ["pii"]],
    ["sallyport:pii", ["pii"]],
    ["Sallyport:PII", ["pii"]],
    ["sallyport:pii sallyport:gdpr.art-9, sallyport:x_1", ["pii", "gdpr.art-9", "x_1"]],
    ["(sallyport:pii).", ["pii"]],
    ["tagged sallyport:pii.", ["pii"]],
    ["over\nlines\nsallyport:pii\n", ["pii"]],
    ["sallyport:pii-", ["pii"]],
  ] as const) {
    test(`${JSON.stringify(comment)} tags as ${tags.join(" and ")}`, () => assert.deepEqual(tagsInComment(comment), tags));
  }

  for (const comment of ["", "pii", "sallyport", "sallyport:", "sallyport: pii", "mysallyport:pii", "sallyport:piié", "sallyport:é"]) {
    test(`${JSON.stringify(comment)} tags as nothing`, () => assert.deepEqual(tagsInComment(comment), []));
  }

  test("a longer word is another tag", () => {
    assert.deepEqual(tagsInComment("sallyport:pii2 sallyport:pii-x sallyport:pii.x"), ["pii2", "pii-x", "pii.x"]);
  });
});

describe("tags in a security label", () => {
  test("are its words, between blanks, commas and semicolons, with or without our mark", () => {
    assert.deepEqual(tagsInLabel("PII"), ["pii"]);
    assert.deepEqual(tagsInLabel(" pii, secret;sallyport:health\tother "), ["pii", "secret", "health", "other"]);
    assert.deepEqual(tagsInLabel("system_u:object_r:sepgsql_table_t:s0"), ["system_u:object_r:sepgsql_table_t:s0"]);
    assert.deepEqual(tagsInLabel(""), []);
    assert.deepEqual(tagsInLabel(" , "), []);
  });
});

test("a column bears its own tags and those of its relation, each once, in order", () => {
  const tags = columnTags([
    { relation: 1, column: 2, comment: "sallyport:ssn sallyport:pii", label: null },
    { relation: 1, column: 2, comment: null, label: "ssn audited" },
    { relation: 1, column: 0, comment: "sallyport:hr", label: null },
    { relation: 2, column: 1, comment: "nothing of ours", label: null },
  ]);
  assert.deepEqual(tags(1, 2), ["audited", "hr", "pii", "ssn"]);
  assert.deepEqual(tags(1, 3), ["hr"]);
  assert.deepEqual(tags(2, 1), []);
  assert.deepEqual(tags(3, 1), []);
});
