/** Limits that every protocol keeps, with the reason or the source of each number. */

/** Of a statement that policy must see whole. Its parse tree takes some thirty times the text; 4 MiB keep a process below 200 MB. */
export const STATEMENT_BYTES_MAX = 4 * 1024 * 1024;

/** Of a Bind that is collected to record its values; a larger one is streamed, its beginning and its digest recorded. */
export const BIND_GATHER_BYTES_MAX = 1024 * 1024;

/** Of a row that is collected to be recorded when it spans chunks; a larger one is counted and digested. */
export const ROW_GATHER_BYTES_MAX = 256 * 1024;

/** Of other messages that must be seen whole (Describe, Close, RowDescription, errors): 1,664 columns with long names fit well. */
export const MESSAGE_GATHER_BYTES_MAX = 1024 * 1024;

/** Of any message: PostgreSQL's own MaxAllocSize, 1 GB less one byte (src/include/utils/memutils.h). */
export const MESSAGE_BYTES_MAX = 0x3fffffff;

/** Operations sent and not answered yet, in one session: pgbench pipelines hundreds, drivers some thousands. */
export const OPERATIONS_MAX = 100_000;

/** Prepared statements and portals whose names one session holds. */
export const NAMES_MAX = 200_000;

/** Of one value in a recording; longer ones are kept as their beginning, length and digest. */
export const RECORDED_VALUE_BYTES_MAX = 64 * 1024;

/** Of one statement text in a recording. */
export const RECORDED_SQL_BYTES_MAX = 1024 * 1024;
