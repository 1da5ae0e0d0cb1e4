/** PostgreSQL as the gateway serves it to clients. */
import { faultMessage } from "#protocols/postgres/protocol.ts";
import type { Front } from "#src/gateway/front.ts";
import { login } from "./login.ts";
import { checkHello, negotiate } from "./negotiation.ts";

/** What a client is told depends on nothing said before: one stands for all connections. */
export const POSTGRES_FRONT: Front = { protocol: "postgres", negotiate, checkHello, farewell: faultMessage, login };
