/** Masks as policy gives them, made from rules as a configuration writes them. */
import { httpMasksFor } from "#policies/decide.ts";
import { policyDocumentSchema } from "#policies/document.ts";
import type { HttpMask } from "#policies/question.ts";

const NOBODY = { issuer: "https://idp", name: "agent", groups: [], actor: null };

/** @param rules without target; `with` is `redact` where it is left out */
export function masksOf(...rules: readonly Readonly<Record<string, unknown>>[]): readonly HttpMask[] {
  const document = policyDocumentSchema.parse({
    masking: { rules: rules.map((rule) => ({ target: "crm", with: "redact", ...rule })) },
  });
  return httpMasksFor(document, NOBODY, "crm", "/v1/customers");
}
