/** What was thrown, in the words of a log entry. */

export function wordsOf(thrown: unknown): { readonly message: string; readonly cause?: string } {
  if (!(thrown instanceof Error)) return { message: String(thrown) };
  return thrown.cause instanceof Error ? { message: thrown.message, cause: thrown.cause.message } : { message: thrown.message };
}
