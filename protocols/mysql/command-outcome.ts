/** What becomes of a client's command, at once or when what was asked about it is known. */
import type { Answer } from "./session.ts";

/** What becomes of a command. */
export type Outcome =
  /** Goes upstream; `answer` is what comes back, null for a command without one. */
  | { readonly kind: "forward"; readonly bytes: readonly Buffer[]; readonly answer: Answer | null }
  /** Is answered here. */
  | { readonly kind: "answer"; readonly payloads: readonly Buffer[] }
  | { readonly kind: "ask"; readonly asked: Asked }
  | { readonly kind: "quit"; readonly bytes: readonly Buffer[] };

/** Resolves to what becomes of the command that was asked about. */
export type Asked = Promise<Outcome>;

export function forward(bytes: Buffer, answer: Answer | null): Outcome {
  return { kind: "forward", bytes: [bytes], answer };
}
