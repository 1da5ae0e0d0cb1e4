/**
 * How a worker's interpreter is started. The SQL grammar's WebAssembly, compiled by V8's optimising compiler, takes
 * 570 MB for a second at some moment after the first statements, for 20 µs instead of 45 a parse. Judgements are cached
 * and a worker is to stay below 200 MB: the baseline compiler does.
 */
export const WORKER_FLAGS: readonly string[] = ["--liftoff-only"];
