import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { z } from "zod";
import { Secret } from "#protocols/wire/secret.ts";
import { loadPublicKey } from "#src/audit/signing.ts";
import { verify } from "#src/audit/verify.ts";
import { parseIdentities } from "#src/recording/read.ts";
import { ROOT } from "#test/support/tree.ts";

const VECTORS = join(ROOT, "test", "vectors");
const ARCHIVES = z
  .array(z.object({ folder: z.string(), what: z.string(), expect: z.record(z.string(), z.string()) }))
  .parse(JSON.parse(readFileSync(join(VECTORS, "archives.json"), "utf8")));
const publicKey = loadPublicKey(readFileSync(join(VECTORS, "test-only-evidence.pub.pem"), "utf8"));
const identities = parseIdentities(new Secret(readFileSync(join(VECTORS, "test-only-identity.txt"), "utf8")));

describe("archive vectors", () => {
  for (const { folder, what, expect } of ARCHIVES) {
    test(`${folder}: ${what}`, async () => {
      const root = join(VECTORS, "archives", folder);
      for (const given of [undefined, identities]) {
        const options = { recordings: join(root, "recordings"), evidence: join(root, "evidence"), publicKey, identities: given };
        const found: Record<string, string> = {};
        for await (const verdict of verify(options)) {
          if (!verdict.ok) found["id" in verdict ? verdict.id : "log"] = verdict.problem?.split(":")[0] ?? "";
        }
        assert.deepEqual(found, expect);
      }
    });
  }
});
