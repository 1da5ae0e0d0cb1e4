/**
 * What a command writes to: results on stdout, progress and errors on stderr. Colours only where the stream is a
 * terminal and NO_COLOR is not set (no-color.org); with `--json` one object a line and nothing else.
 */
import { once } from "node:events";
import pc from "picocolors";
import yoctoSpinner, { type Spinner } from "yocto-spinner";
import type { Failure } from "./failure.ts";
import { safeJson, visible, visibleLines } from "./visible.ts";
import type { Output, World } from "./world.ts";

export type Colors = ReturnType<typeof pc.createColors>;

export interface Screen {
  readonly json: boolean;
  /** Colours for stdout; every one leaves the text alone when stdout takes no colour. */
  readonly paint: Colors;
  /** Columns of stdout; 100 when it is no terminal. */
  readonly columns: number;
  /** One line of result for people; nothing under `--json`. Resolves when the stream takes more. */
  line(text?: string): Promise<void>;
  /** One object of result for programs; nothing without `--json`. */
  object(value: unknown): Promise<void>;
  /** One line of progress or remark on stderr; nothing under `--json`. */
  note(text: string): void;
  /** Runs `work` under a spinner on a terminal; elsewhere writes nothing. */
  during<T>(label: string, work: (say: (label: string) => void) => Promise<T>): Promise<T>;
  failure(failure: Failure): void;
}

const COLUMNS_WITHOUT_TERMINAL = 100;

export function makeScreen(world: World, options: { readonly json: boolean }): Screen {
  const paint = pc.createColors(takesColor(world.stdout, world.env));
  const paintError = pc.createColors(takesColor(world.stderr, world.env));
  const write = async (text: string): Promise<void> => {
    if (!world.stdout.write(text) && !world.stdout.destroyed)
      await Promise.race([once(world.stdout, "drain"), once(world.stdout, "close")]);
  };
  return {
    json: options.json,
    paint,
    columns: world.stdout.isTTY === true ? (world.stdout.columns ?? 80) : COLUMNS_WITHOUT_TERMINAL,
    line: (text = "") => (options.json ? Promise.resolve() : write(`${text}\n`)),
    object: (value) => (options.json ? write(`${safeJson(value)}\n`) : Promise.resolve()),
    note: (text) => {
      if (!options.json) world.stderr.write(`${text}\n`);
    },
    during: (label, work) => spin(world, options.json, label, work),
    failure: (failure) => world.stderr.write(`${options.json ? failureJson(failure) : failureText(failure, paintError)}\n`),
  };
}

function takesColor(stream: Output, env: World["env"]): boolean {
  const refused = env["NO_COLOR"] !== undefined && env["NO_COLOR"] !== "";
  return stream.isTTY === true && !refused && env["TERM"] !== "dumb";
}

async function spin<T>(world: World, json: boolean, label: string, work: (say: (label: string) => void) => Promise<T>): Promise<T> {
  if (json || world.stderr.isTTY !== true) return work(() => undefined);
  const spinner: Spinner = yoctoSpinner({ text: label, stream: world.stderr, handleSignals: false }).start();
  try {
    return await work((next) => {
      spinner.text = visible(next);
    });
  } finally {
    spinner.stop();
  }
}

function failureText(failure: Failure, paint: Colors): string {
  const first = `${paint.red("error:")} ${visible(failure.message)}`;
  return failure.hint === "" ? first : [first, ...visibleLines(failure.hint)].join("\n");
}

/** Errors under `--json`: `{error: {code, message, hint}}`, one line on stderr. */
function failureJson(failure: Failure): string {
  return safeJson({ error: { code: failure.code, message: failure.message, hint: failure.hint === "" ? null : failure.hint } });
}
