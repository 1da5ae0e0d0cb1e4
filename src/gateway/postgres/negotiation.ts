/** The client leg of PostgreSQL in the clear: GSSENCRequest is declined, SSLRequest or direct TLS is what is waited for. */
import type net from "node:net";
import { type Opening, readOpening } from "#protocols/postgres/protocol.ts";
import { Fault } from "#protocols/wire/fault.ts";
import type { Negotiated, Negotiation } from "#src/gateway/front.ts";
import type { SocketReader } from "#src/gateway/socket-reader.ts";
import type { ClientHello } from "#src/tls/client-hello.ts";

/** @throws Fault `tls-required`, `tls-refused`, `unexpected-message`, `malformed-message` */
export async function negotiate(raw: net.Socket, reader: SocketReader): Promise<Negotiated> {
  let received = Buffer.alloc(0);
  let declined = false;
  for (;;) {
    const opening: Opening = readOpening(received);
    switch (opening.kind) {
      case "incomplete": {
        const bytes = await reader.more();
        if (bytes === null) throw new Fault("tls-refused", "the client closed the connection before TLS was up");
        received = Buffer.concat([received, bytes]);
        break;
      }
      case "gssenc-request":
        // Once, as the server does: a client that goes on asking is none.
        if (declined) throw new Fault("unexpected-message", "GSSENCRequest came twice");
        declined = true;
        raw.write("N");
        received = Buffer.from(opening.rest);
        break;
      case "ssl-request":
        raw.write("S");
        return { kind: "tls", negotiation: "sslrequest", begun: Buffer.alloc(0) };
      case "direct-tls":
        return { kind: "tls", negotiation: "direct", begun: received };
      case "cancel":
        return opening;
      case "cleartext":
        throw new Fault("tls-required", "this gateway accepts only connections with TLS encryption", {
          hint: "connect with sslmode=verify-full",
        });
    }
  }
}

/** @throws Fault `alpn-refused` */
export function checkHello(hello: ClientHello, negotiation: Negotiation): void {
  if (negotiation === "direct" && !hello.alpn.includes("postgresql")) {
    throw new Fault("alpn-refused", "direct TLS needs the ALPN protocol postgresql");
  }
}
