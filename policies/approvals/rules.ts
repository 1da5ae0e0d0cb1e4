/** The `approvals` part of the policy document. Nothing enforces its rules yet, so a document that holds one is refused. */
import { z } from "zod";

export const approvalsSchema = z
  .strictObject({ rules: z.array(z.never({ error: "approvals are not supported yet" })).readonly() })
  .readonly();

export type ApprovalsRules = z.output<typeof approvalsSchema>;
