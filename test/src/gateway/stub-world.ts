/**
 * A gateway with three targets at one stub: `proved` has a password and takes SCRAM for it, `weak` has one that may be sent
 * in weak ways, `open` has none. Beside them stands the real server, as `orders`.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { KeyPair } from "#src/config/config.ts";
import { type Script, type StubTarget, startStubTarget } from "#test/src/gateway/stub-target.ts";
import { type Peer, password, startup } from "#test/src/gateway/wire.ts";
import { openWorld, type World } from "#test/src/gateway/world.ts";
import { lifetime, makeAuthority } from "#test/support/certificates.ts";
import type { GatewayOptions, Sections } from "#test/support/gateway-files.ts";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";

/** What must never be told. */
export const SECRET = "canary-upstream-password";
export const HOST = "db.inner.example";

export type Target = "proved" | "open" | "weak";

export interface StubWorld {
  readonly world: World;
  readonly stub: StubTarget;
  readonly papers: Record<"good" | "expired" | "foreign" | "named", KeyPair>;
  /** Logs in at the stub, which plays the script. @returns the client, the password just sent */
  attempt(target: Target, script: Script): Promise<Peer>;
  /** Fails when anything that lies behind the gateway is in what a client was told. */
  discreet(said: unknown): void;
  stop(): Promise<void>;
}

export async function openStubWorld(options: Pick<GatewayOptions, "program"> = {}): Promise<StubWorld> {
  const folder = await scratchFolder("stub");
  const authority = await makeAuthority("Stub CA");
  const foreign = await makeAuthority("Stub CA");
  writeFileSync(join(folder, "ca.crt"), authority.ca);
  writeFileSync(join(folder, "password"), SECRET);
  const papers = {
    good: await authority.server([HOST]),
    expired: await authority.server([HOST], { lifetime: lifetime(-2) }),
    foreign: await foreign.server([HOST]),
    named: await authority.server(["other.example"]),
  };
  const stub = await startStubTarget();
  const world = await openWorld({ ...options, configure: (sections) => withStubs(sections, folder, stub.port) });
  return {
    world,
    stub,
    papers,
    async attempt(target, script) {
      stub.play(script);
      const peer = await world.secure();
      peer.send(startup({ user: "agent", database: target }));
      await peer.upTo("R");
      peer.send(password(world.token));
      return peer;
    },
    discreet(said) {
      const words = JSON.stringify(said);
      for (const inner of [SECRET, HOST, "127.0.0.1", String(stub.port), "inner_user", "canary", world.token]) {
        assert.ok(!words.includes(inner), `the client is told "${inner}": ${words}`);
      }
    },
    async stop() {
      await world.stop();
      await stub.stop();
      await removeFolder(folder);
    },
  };
}

function withStubs(sections: Sections, folder: string, port: number): Sections {
  const target = (credential: object) => ({
    protocol: "postgres",
    address: `127.0.0.1:${port}`,
    database: "inner",
    tls: { ca: join(folder, "ca.crt"), serverName: HOST },
    credential: { user: "inner_user", ...credential },
  });
  const secret = { file: join(folder, "password") };
  const { targets, access } = sections as { readonly targets: object; readonly access: { readonly rules: readonly object[] } };
  const all = { ...targets, proved: target({ password: secret }), open: target({}), weak: target({ password: secret, allowWeak: true }) };
  const rules = access.rules.map((rule) => ({ ...rule, targets: Object.keys(all) }));
  return { ...sections, targets: all, access: { rules } };
}
