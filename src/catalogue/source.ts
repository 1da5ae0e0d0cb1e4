/** Where catalogues are read from, as what keeps them newest asks for them: one implementation for each protocol. */
import type tls from "node:tls";

export interface CatalogueSource<Seen> {
  /**
   * Dials. The connection is left, and another made, when its socket closes.
   *
   * @param onNotified called where the database tells of changes by itself
   */
  open(onNotified: () => void): Promise<CatalogueConnection<Seen>>;
}

/** Any method throws when the connection is lost or the target refuses what is asked. */
export interface CatalogueConnection<Seen> {
  readonly socket: tls.TLSSocket;
  /** Differs whenever a catalogue read now would differ; some milliseconds, so fit for polling. */
  digest(): Promise<string>;
  read(): Promise<Seen>;
  /** The catalogue with newer estimates of rows; the very same when none has changed notably. */
  estimated(seen: Seen): Promise<Seen>;
  /** Looks further, a moment after the catalogue has changed. The next look waits for it, so it must be short. */
  examine(seen: Seen): Promise<void>;
}
