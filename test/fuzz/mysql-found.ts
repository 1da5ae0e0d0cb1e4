/** What the gate's fuzzer found on MySQL and MariaDB, made small. It is judged and run by the fuzzer's test, and mutated further. */
import type { Hostile } from "#test/masking/mysql/hostile.ts";

export const MYSQL_FOUND: readonly Hostile[] = [];
