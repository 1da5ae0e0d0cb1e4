/** Reloading: on request and on changes of any file, all or nothing, one at a time. */
import assert from "node:assert/strict";
import { renameSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Config, Problem } from "#src/config/config.ts";
import { loadConfig } from "#src/config/load.ts";
import { type ConfigWatch, watchConfig } from "#src/config/watch.ts";
import { ENV, type Folder, makeFolder } from "./folder.ts";

let folder: Folder;
before(async () => {
  folder = await makeFolder();
});
after(() => folder.remove());

interface Watched {
  readonly watch: ConfigWatch;
  readonly loaded: Config[];
  readonly refused: (readonly Problem[])[];
}

async function watched(): Promise<Watched> {
  const result = await folder.load(folder.yaml());
  assert.ok(result.kind === "loaded");
  const [loaded, refused]: [Config[], (readonly Problem[])[]] = [[], []];
  const handlers = {
    load: () => loadConfig(join(folder.path, "sallyport.yaml"), ENV),
    loaded: (config: Config) => loaded.push(config),
    refused: (problems: readonly Problem[]) => refused.push(problems),
  };
  return { watch: watchConfig(result.config, handlers, { pollMs: 30, settleMs: 60 }), loaded, refused };
}

async function until(condition: () => boolean): Promise<void> {
  for (let count = 0; count < 200 && !condition(); count += 1) await sleep(20);
  assert.ok(condition(), "it did not happen within four seconds");
}

describe("watchConfig", () => {
  test("loads on request, and hands over what came of it", async () => {
    const { watch, loaded, refused } = await watched();
    folder.write("sallyport.yaml", folder.yaml({ workers: "2" }));
    await watch.reload();
    assert.equal(loaded.at(-1)?.workers, 2);
    folder.write("sallyport.yaml", folder.yaml({ workers: "two" }));
    await watch.reload();
    assert.equal(loaded.at(-1)?.workers, 2);
    assert.equal(refused.at(-1)?.[0]?.path, "workers");
    watch.close();
  });

  test("sees a changed file and one that was renamed into place", async () => {
    const { watch, loaded } = await watched();
    folder.write("sallyport.yaml", folder.yaml({ workers: "3" }));
    await until(() => loaded.at(-1)?.workers === 3);
    folder.write("new.yaml", folder.yaml({ workers: "4" }));
    renameSync(join(folder.path, "new.yaml"), join(folder.path, "sallyport.yaml"));
    await until(() => loaded.at(-1)?.workers === 4);
    watch.close();
  });

  test("waits for certificate and key: one without the other changes nothing", async () => {
    const { watch, loaded, refused } = await watched();
    const renewed = await folder.authority.server(["localhost"]);
    folder.write("certs/gateway.crt", renewed.cert);
    await until(() => refused.length > 0);
    assert.equal(loaded.length, 0);
    folder.write("certs/gateway.key", renewed.key.expose());
    await until(() => loaded.length > 0);
    assert.equal(loaded.at(-1)?.tls.certificates[0].cert, renewed.cert);
    watch.close();
  });

  test("is silent once closed", async () => {
    const { watch, loaded, refused } = await watched();
    watch.close();
    folder.write("sallyport.yaml", folder.yaml({ workers: "5" }));
    await sleep(300);
    await watch.reload();
    assert.deepEqual([loaded, refused], [[], []]);
  });
});
