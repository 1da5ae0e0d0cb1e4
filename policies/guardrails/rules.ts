/** The `guardrails` part of the policy document. Nothing enforces its rules yet, so a document that holds one is refused. */
import { z } from "zod";

export const guardrailsSchema = z
  .strictObject({ rules: z.array(z.never({ error: "guardrails are not supported yet" })).readonly() })
  .readonly();

export type GuardrailsRules = z.output<typeof guardrailsSchema>;
