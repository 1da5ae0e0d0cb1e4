/** Runs a client program and keeps what it showed, with the parts that differ from run to run by nature made equal. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { join } from "node:path";

export interface Shown {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The folder with the sources of client programs. */
export const clientsOf = (protocol: "http" | "mysql" | "postgres"): string => join(import.meta.dirname, protocol, "clients");

/** Debian's MariaDB Connector/J with what it needs, as Java's class path. */
export const MARIADB_JARS = ["mariadb-java-client", "slf4j-api", "slf4j-nop", "jna", "jna-platform"]
  .map((jar) => `/usr/share/java/${jar}.jar`)
  .join(":");

export interface Run {
  readonly env: NodeJS.ProcessEnv;
  readonly input?: string | Buffer;
  readonly cwd?: string;
  /** Called once, when the program runs. */
  readonly meanwhile?: (child: ChildProcessWithoutNullStreams) => void;
}

/** Process ids, file names with them, ports, and the random key that pg_dump puts around its script. */
const BY_NATURE: readonly (readonly [RegExp, string])[] = [
  [/\bPID \d+/g, "PID n"],
  [/^(\\(?:un)?restrict) \S+$/gm, "$1 key"],
  [/\bport \d+/g, "port n"],
];

export async function show(command: readonly [string, ...string[]], { env, input, cwd, meanwhile }: Run): Promise<Shown> {
  const [program, ...args] = command;
  const child = spawn(program, args, { env, stdio: "pipe", ...(cwd === undefined ? {} : { cwd }) });
  const text = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    text.stdout += part;
  });
  child.stderr.setEncoding("utf8").on("data", (part: string) => {
    text.stderr += part;
  });
  // A program that ends early leaves its input unread; its exit code tells.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input ?? "");
  meanwhile?.(child);
  const code = await new Promise<number | null>((resolve, reject) => child.once("error", reject).once("close", resolve));
  return { code, stdout: evenOut(text.stdout), stderr: evenOut(text.stderr) };
}

function evenOut(text: string): string {
  return BY_NATURE.reduce((even, [pattern, replacement]) => even.replace(pattern, replacement), text);
}
