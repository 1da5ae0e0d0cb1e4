/**
 * Plays a timeline on a terminal at the pace it happened: space pauses, `n` steps, `+` and `-` change the speed, `q`
 * quits. Long silences are shortened, so that a session of hours can be watched.
 */
import type { Entry } from "./timeline.ts";
import type { World } from "./world.ts";

export interface PlayerOptions {
  /** Times faster than it happened; above 0. */
  readonly speed: number;
  /** Longest wait between two entries, milliseconds of the viewer's time. */
  readonly silenceMsMax: number;
}

const KEYS_HELP = "space pause · n next · + − speed · q quit";
const SPEED_STEP = 2;
const SPEED_MAX = 1024;

/** Resolves to false when the viewer quit before the end. The terminal is as it was before, in every case. */
export async function play(world: World, entries: AsyncIterable<Entry>, options: PlayerOptions): Promise<boolean> {
  const keys = readKeys(world);
  let speed = options.speed;
  let paused = false;
  let previousMs = 0;
  const showStatus = (): void => {
    world.stdout.write(`\r\x1b[2K${paused ? "paused" : `${speed}×`}  ${KEYS_HELP}`);
  };
  try {
    for await (const entry of entries) {
      let leftMs = Math.max(0, entry.sinceStartMs - previousMs);
      previousMs = entry.sinceStartMs;
      while (paused || leftMs > 0) {
        showStatus();
        const waitMs = Math.min(leftMs / speed, options.silenceMsMax);
        const startedMs = world.now();
        const key = await keys.next(paused ? undefined : waitMs);
        if (key === undefined) break;
        leftMs = Math.max(0, leftMs - (world.now() - startedMs) * speed);
        if (key === "q" || key === "\x03" || key === "\x04") return false;
        if (key === " ") paused = !paused;
        else if (key === "+" && speed < SPEED_MAX) speed *= SPEED_STEP;
        else if (key === "-" && speed > 1 / SPEED_MAX) speed /= SPEED_STEP;
        else if (key === "n" || key === "\r" || key === "\x1b[C") break;
      }
      world.stdout.write(`\r\x1b[2K${entry.lines.join("\n")}\n`);
    }
    return true;
  } finally {
    world.stdout.write("\r\x1b[2K");
    keys.close();
  }
}

interface Keys {
  /** The next key; undefined after `waitMs` without one, at once when nobody can press any more. */
  next(waitMs: number | undefined): Promise<string | undefined>;
  close(): void;
}

function readKeys(world: World): Keys {
  const { stdin } = world;
  const pressed: string[] = [];
  let wake: (() => void) | undefined;
  let closed = false;
  const onData = (chunk: Buffer | string): void => {
    // Escape sequences (arrows) come in one piece; typed-ahead letters may, too.
    const text = String(chunk);
    pressed.push(...(text.startsWith("\x1b") ? [text] : text));
    wake?.();
  };
  const onEnd = (): void => {
    closed = true;
    wake?.();
  };
  stdin.setRawMode?.(true);
  stdin.on("data", onData).on("end", onEnd);
  stdin.resume();
  return {
    async next(waitMs) {
      if (pressed.length === 0 && !closed) {
        let timer: NodeJS.Timeout | undefined;
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (waitMs !== undefined) timer = setTimeout(resolve, waitMs);
        });
        clearTimeout(timer);
        wake = undefined;
      }
      return pressed.shift();
    },
    close() {
      stdin.off("data", onData).off("end", onEnd);
      stdin.setRawMode?.(false);
      stdin.pause();
    },
  };
}
