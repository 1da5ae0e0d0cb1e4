/** `sallyport verify [ID]`: is everything on record still as the gateway wrote it? Names what is not, and exits 3. */
import { type Verdict, verify as verifyEvidence } from "#src/audit/verify.ts";
import { type ExitCode, Failure } from "./failure.ts";
import type { Screen } from "./screen.ts";
import { type AuditOptions, findSources, needFolder, needPublicKey, openSessions, readIdentities, type Sources } from "./sources.ts";
import { visible } from "./visible.ts";
import type { World } from "./world.ts";

/** Spinner text changes at most this often. */
const PROGRESS_EVERY = 20;

export async function verify(world: World, screen: Screen, options: AuditOptions & { readonly id: string | undefined }): Promise<ExitCode> {
  const sources = findSources(world, options);
  const verdicts = verifyEvidence({
    recordings: needRecordings(sources),
    evidence: needFolder(sources.evidence, "--evidence"),
    publicKey: needPublicKey(sources),
    identities: readIdentities(world, options),
    session: options.id,
    openSessions: sources.state === null ? undefined : () => (openSessions(sources) ?? []).map((session) => session.id),
  });
  return screen.during("reading the evidence log", (say) => report(screen, verdicts, say, options.id));
}

/** A gateway that has sealed nothing yet has no folder of recordings; that is for the evidence to judge. */
function needRecordings(sources: Sources): string {
  return sources.state === null ? needFolder(sources.recordings, "--recordings") : (sources.recordings ?? "");
}

async function report(
  screen: Screen,
  verdicts: AsyncIterable<Verdict>,
  say: (label: string) => void,
  asked: string | undefined,
): Promise<ExitCode> {
  const { green, red, bold, dim } = screen.paint;
  let checked = 0;
  let failed = 0;
  for await (const verdict of verdicts) {
    await screen.object(verdict);
    if (!verdict.ok) failed += 1;
    if ("id" in verdict) {
      checked += 1;
      if (checked % PROGRESS_EVERY === 0) say(`${checked} recordings`);
      await screen.line(`${verdict.ok ? green("ok  ") : red("FAIL")}  ${visible(verdict.id)}${problem(verdict.problem)}`);
      continue;
    }
    if (asked !== undefined && checked === 0 && verdict.ok)
      throw new Failure("session-unknown", `no recording of session ${asked} is on record`);
    const evidence = `evidence log, ${verdict.size} records${verdict.checkpoint === null ? "" : `, signed head ${visible(verdict.checkpoint).slice(0, 16)}…`}`;
    await screen.line(`${verdict.ok ? green("ok  ") : red("FAIL")}  ${evidence}${verdict.problem === null ? "" : ":"}`);
    for (const found of verdict.problem?.split("; ") ?? []) await screen.line(`        ${visible(found)}`);
    const open = verdict.open === 0 ? "" : dim(`; ${verdict.open} ${verdict.open === 1 ? "session is" : "sessions are"} not sealed yet`);
    await screen.line(
      failed === 0
        ? `${green(bold("verified"))}  ${counted(checked)} and the evidence log are as they were written${open}`
        : `${red(bold("TAMPERED"))}  ${counted(checked)} checked, ${failed} ${failed === 1 ? "problem" : "problems"}${open}`,
    );
  }
  return failed === 0 ? 0 : 3;
}

function problem(text: string | null): string {
  return text === null ? "" : `  ${visible(text)}`;
}

function counted(recordings: number): string {
  return `${recordings} ${recordings === 1 ? "recording" : "recordings"}`;
}
