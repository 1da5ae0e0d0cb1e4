/** `sallyport replay ID`: what happened in one session, as a timeline; on a terminal at the pace it happened. */
import { listSessions } from "#src/audit/lists.ts";
import { listRecordings } from "#src/audit/recording-files.ts";
import type { RecordedEvent } from "#src/recording/events.ts";
import { readRecording } from "#src/recording/read.ts";
import { RecordingError } from "#src/recording/recording-error.ts";
import { type ExitCode, Failure } from "./failure.ts";
import { play } from "./player.ts";
import type { Screen } from "./screen.ts";
import { type AuditOptions, findSources, needFolder, openSessions, readIdentities, type Sources } from "./sources.ts";
import { type Entry, LEGEND, makeTimeline } from "./timeline.ts";
import type { World } from "./world.ts";

export interface ReplayOptions extends AuditOptions {
  readonly id: string;
  /** 0 prints at once. */
  readonly speed: number;
  readonly rows: number;
  /** Show rewritten statements as they were sent, too. */
  readonly sent: boolean;
}

/** Longest wait between two events while watching. */
const SILENCE_MS_MAX = 2000;

export async function replay(world: World, screen: Screen, options: ReplayOptions): Promise<ExitCode> {
  const sources = findSources(world, options);
  const path = await findRecording(sources, options.id);
  const events = readable(readRecording(path, readIdentities(world, options)));
  if (screen.json) {
    for await (const event of events) await screen.object(event);
    return 0;
  }
  const entries = timeline(events, screen, options);
  const watched = world.stdout.isTTY === true && world.stdin.isTTY === true && options.speed > 0;
  if (watched) {
    if (!(await play(world, entries, { speed: options.speed, silenceMsMax: SILENCE_MS_MAX }))) return 0;
  } else for await (const entry of entries) for (const line of entry.lines) await screen.line(line);
  await screen.line(screen.paint.dim(LEGEND));
  return 0;
}

/** @throws Failure when no recording, or more than one, belongs to the id */
async function findRecording(sources: Sources, id: string): Promise<string> {
  const { bySession } = await listRecordings(needFolder(sources.recordings, "--recordings"));
  const matching = bySession.has(id) ? [id] : [...bySession.keys()].filter((session) => session.startsWith(id));
  const [only, other] = matching;
  if (other !== undefined) {
    throw new Failure("session-ambiguous", `${matching.length} sessions begin with ${id}`, {
      hint: `${matching.slice(0, 5).join(", ")}…: give more of the id`,
    });
  }
  const files = only === undefined ? [] : (bySession.get(only) ?? []);
  const [file] = files;
  if (file !== undefined && files.length === 1) return file.path;
  if (files.length > 1) {
    throw new Failure("session-ambiguous", `${files.length} files claim to be session ${only}`, {
      hint: "sallyport verify says which one is on record",
    });
  }
  throw await unknown(sources, id);
}

async function unknown(sources: Sources, id: string): Promise<Failure> {
  const running = sources.evidence === null ? [] : listSessions({ evidence: sources.evidence, open: openSessions(sources), filter: {} });
  for await (const session of running) {
    if (session.id.startsWith(id) && session.status === "open") {
      return new Failure("session-unknown", `session ${session.id} is still open`, { hint: "its recording can be read once it has ended" });
    }
  }
  return new Failure("session-unknown", `no recording of a session ${id} is there`, { hint: "sallyport sessions lists them" });
}

async function* readable(events: AsyncIterable<RecordedEvent>): AsyncGenerator<RecordedEvent, void, undefined> {
  try {
    yield* events;
  } catch (error) {
    if (!(error instanceof RecordingError)) throw error;
    if (error.problem === "no-identity") {
      const given = !error.message.includes("no identity was given");
      throw new Failure(given ? "identity-wrong" : "identity-missing", error.message, {
        hint: "give an auditor's age identity: --identity FILE",
        cause: error,
      });
    }
    throw new Failure("recording-unreadable", error.message, {
      hint: "sallyport verify says whether it is the recording that was sealed",
      cause: error,
    });
  }
}

async function* timeline(
  events: AsyncIterable<RecordedEvent>,
  screen: Screen,
  { rows, sent }: ReplayOptions,
): AsyncGenerator<Entry, void, undefined> {
  const shown = makeTimeline({ paint: screen.paint, rowsMax: rows, sent });
  try {
    for await (const event of events) yield* shown.take(event);
  } catch (error) {
    // Where reading ends early, what was read is shown first.
    yield* shown.end();
    throw error;
  }
  yield* shown.end();
}
