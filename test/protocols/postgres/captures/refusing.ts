/** The two flows as a gateway would have them between a client and a server, with a judge that refuses by one word. */
import type { Between } from "#test/protocols/postgres/captures/recorder.ts";
import { Conversation } from "#test/protocols/postgres/conversation.ts";
import { allowed, denied } from "#test/protocols/postgres/judgements.ts";

export function refusingConversation(word: string): Conversation {
  return new Conversation({ judge: (sql) => (sql.includes(word) ? denied(sql) : allowed(sql)) });
}

export function runRefusing(word: string): Between {
  const session = refusingConversation(word);
  return { client: (chunk) => session.client(chunk), server: (chunk) => session.server(chunk) };
}
