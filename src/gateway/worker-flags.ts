/**
 * How a worker's interpreter is started, to stay below 200 MB.
 *
 * - The SQL grammar's WebAssembly, compiled by V8's optimising compiler, takes 570 MB for a second at some moment after
 *   the first statements, for 20 µs instead of 45 a parse. Judgements are cached; the baseline compiler does.
 * - Chunks of bulk results are garbage at once, and live outside V8's heap: a smaller young generation is collected
 *   more often, which keeps 170 MB where 215 were needed.
 */
export const WORKER_FLAGS: readonly string[] = ["--liftoff-only", "--max-semi-space-size=4"];
