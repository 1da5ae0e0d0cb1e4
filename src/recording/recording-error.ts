/** What can be wrong with a sealed recording, named with the first event that shows it. */
export type RecordingProblem =
  /** None of the identities opens it. */
  | "no-identity"
  /** The file is cut, or bytes of it were changed: age or zstd say so. */
  | "damaged"
  /** An event is not what was written at that place: its hash, number or shape is wrong. */
  | "chain-broken"
  /** The events end before a `session-end`. */
  | "incomplete";

export class RecordingError extends Error {
  readonly problem: RecordingProblem;
  /** `seq` of the first bad event, null when the trouble is not in an event. */
  readonly event: number | null;

  constructor(problem: RecordingProblem, event: number | null, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "RecordingError";
    this.problem = problem;
    this.event = event;
  }
}
