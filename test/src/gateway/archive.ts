/** What a gateway of a test left on record: whether it verifies, and what it says. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Secret } from "#protocols/wire/secret.ts";
import { listRecordings } from "#src/audit/recording-files.ts";
import { loadPublicKey } from "#src/audit/signing.ts";
import { verify } from "#src/audit/verify.ts";
import type { RecordedEvent } from "#src/recording/events.ts";
import { parseIdentities, readRecording } from "#src/recording/read.ts";
import type { TestGateway } from "#test/support/gateway.ts";
import { until } from "#test/support/waiting.ts";

function identities(gateway: TestGateway) {
  return parseIdentities(new Secret(readFileSync(gateway.identityFile, "utf8")));
}

/**
 * Everything that `verify` finds wrong, insides included, once nothing is being sealed any more: a recording is there a moment
 * before the log says so.
 */
export async function problems(gateway: TestGateway): Promise<readonly string[]> {
  const found = await verdict(gateway);
  if (found.length === 0) return found;
  await until(
    () => journals(gateway).length === 0,
    () => `all is sealed: ${journals(gateway).join(", ")} (${found.join("; ")})`,
  );
  return verdict(gateway);
}

function journals({ folder }: TestGateway): readonly string[] {
  return readdirSync(join(folder, "state", "journals"));
}

async function verdict(gateway: TestGateway): Promise<readonly string[]> {
  const found: string[] = [];
  const verdicts = verify({
    recordings: join(gateway.folder, "recordings"),
    evidence: join(gateway.folder, "evidence"),
    publicKey: loadPublicKey(readFileSync(gateway.evidencePublicKeyFile, "utf8")),
    identities: identities(gateway),
  });
  for await (const verdict of verdicts) if (!verdict.ok) found.push(String(verdict.problem));
  return found;
}

/** The events of every sealed session, by its id. */
export async function recordings(gateway: TestGateway): Promise<ReadonlyMap<string, readonly RecordedEvent[]>> {
  const { bySession } = await listRecordings(join(gateway.folder, "recordings"));
  const found = new Map<string, readonly RecordedEvent[]>();
  for (const [id, files] of bySession) {
    assert.equal(files.length, 1);
    const events: RecordedEvent[] = [];
    for await (const event of readRecording(files[0]?.path ?? "", identities(gateway))) events.push(event);
    found.set(id, events);
  }
  return found;
}

/** The sealed recording in which this text is a statement; waits for it. @throws Error when there is none */
export async function recordingOf(gateway: TestGateway, sql: string): Promise<readonly RecordedEvent[]> {
  return until(
    async () =>
      [...(await recordings(gateway)).values()].find((events) => events.some((event) => event.kind === "statement" && event.sql === sql)),
    `a sealed recording holds ${sql}`,
  );
}

/** How a recorded session ended. */
export function endOf(events: readonly RecordedEvent[]): string {
  const last = events.at(-1);
  assert.equal(last?.kind, "session-end");
  return last.kind === "session-end" ? last.status : "";
}
