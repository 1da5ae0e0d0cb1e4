/** A program that keeps journals as a worker does, and says what it has flushed: `node appender.ts DIRECTORY SESSION…`, until it is killed. */
import { writeSync } from "node:fs";
import { systemClock as clock } from "#src/recording/clock.ts";
import { openJournal } from "#src/recording/journal.ts";
import { Slabs } from "#src/recording/slabs.ts";
import { sessionStart, statement } from "./session.ts";

const [directory = "", ...sessions] = process.argv.slice(2);
const slabs = new Slabs();
const journals = sessions.map((sessionId) =>
  openJournal({ directory, sessionId, clock, slabs, startedAtMonotonicMs: clock.monotonicMs() }),
);
for (const journal of journals) journal.append(sessionStart(journal.sessionId));
for (let round = 0; ; round++) {
  for (const journal of journals) {
    const seq = journal.append(statement(`SELECT ${round} /* ${"x".repeat((round * 37) % 900)} */`));
    journal.flush();
    writeSync(1, `${journal.sessionId} ${seq}\n`);
    // Not flushed: may be lost, must not be torn.
    journal.append({ kind: "notice", fields: { M: `after ${round}` } });
  }
}
