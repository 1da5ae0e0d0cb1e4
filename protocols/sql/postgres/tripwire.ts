/**
 * The second wall: what no RowDescription may name once statements have been rewritten. It knows nothing of how they
 * are, so that a fault there ends the session and not the mask.
 */
import { lookupIn } from "./lookup.ts";
import type { MaskingView } from "./protection.ts";
import { viewsIn } from "./view-definitions.ts";

/**
 * Protected columns, whole rows of their relations, and anything of a view that should have been replaced: the server
 * names a view's columns by the view itself.
 *
 * @param attribute 0 for a whole row
 */
export function isProtectedOrigin(view: MaskingView, tableOid: number, attribute: number): boolean {
  const attributes = view.protection.columns.get(tableOid);
  if (attributes !== undefined && (attribute === 0 || attributes.has(attribute))) return true;
  const relation = lookupIn(view.catalogue).byOid.get(tableOid);
  return relation !== undefined && relation.definition !== null && viewsIn(view)(relation).kind !== "plain";
}
