/** A worker's side of the line to the keeper: sends, and waits for answers to what must be on record before it goes on. */
import { Fault } from "#protocols/wire/fault.ts";
import type { HandshakeRecord, SessionSummary } from "#src/audit/records.ts";
import type { ToKeeper } from "./ipc.ts";

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (fault: Fault) => void;
}

export class KeeperLink {
  readonly #send: (message: ToKeeper) => void;
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;

  constructor(send: (message: ToKeeper) => void) {
    this.#send = send;
  }

  /** Resolves when the record is in the evidence log. @throws Fault `evidence-failed` */
  handshake(record: HandshakeRecord): Promise<void> {
    return this.#ask((id) => ({ type: "handshake", id, record }));
  }

  /** @throws Fault `evidence-failed` */
  sessionOpened(session: SessionSummary): Promise<void> {
    return this.#ask((id) => ({ type: "session-opened", id, session }));
  }

  /** Resolves when the catalogue is as new as this call. */
  refresh(name: string): Promise<void> {
    return this.#ask((id) => ({ type: "refresh", id, name }));
  }

  tell(message: ToKeeper): void {
    this.#send(message);
  }

  onAnswer(id: number, error: string | null): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === null) waiting?.resolve();
    else waiting?.reject(new Fault("evidence-failed", error));
  }

  #ask(message: (id: number) => ToKeeper): Promise<void> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#send(message(id));
    });
  }
}
