/** PostgreSQL as the gateway serves it to clients. */
import { faultMessage } from "#protocols/postgres/protocol.ts";
import type { LoginFront } from "#src/gateway/front.ts";
import { SingleSession } from "#src/gateway/single-session.ts";
import { login } from "./login.ts";
import { checkHello, negotiate } from "./negotiation.ts";

/** What a client is told depends on nothing said before: one stands for all connections. */
export const POSTGRES_FRONT: LoginFront = {
  protocol: "postgres",
  negotiate,
  checkHello,
  farewell: faultMessage,
  occupant: (arrival) => new SingleSession(POSTGRES_FRONT, arrival),
  login,
};
