/** Records that must be durable before a connection is served; waited for together, so that they share one write. */
import type { HandshakeRecord } from "#src/audit/records.ts";
import type { KeeperLink } from "./keeper-link.ts";

export class Debts {
  readonly #owed: Promise<void>[] = [];

  /** What fails is noticed by `paid`; a connection that ends before owes its client nothing. */
  owe(work: Promise<void>): void {
    work.catch(ignore);
    this.#owed.push(work);
  }

  recorder(link: KeeperLink): (record: HandshakeRecord) => void {
    return (record) => this.owe(link.handshake(record));
  }

  /** @throws Fault `evidence-failed` */
  async paid(): Promise<void> {
    await Promise.all(this.#owed);
  }
}

function ignore(): void {
  // See `paid`.
}
