/**
 * Tags of columns, as comments and security labels hold them. A comment is prose that may tag with `sallyport:TAG`; a
 * label is a list of words. Tags are compared without regard to case, so that one with a capital letter protects too.
 */

/** What stands at a column, or with column 0 at a whole relation: a comment or a label. */
export interface Note {
  /** OID. */
  readonly relation: number;
  readonly column: number;
  readonly comment: string | null;
  readonly label: string | null;
}

/** A word of its own; a full stop or another mark behind it is not part of it. */
const TAGGED = /(?<![\p{L}\p{N}_])sallyport:([a-z0-9_]+(?:[.-][a-z0-9_]+)*)(?![\p{L}\p{N}_])/giu;

export function tagsInComment(comment: string): readonly string[] {
  return [...comment.matchAll(TAGGED)].map(([, tag = ""]) => tag.toLowerCase());
}

/** The words of a label, with or without `sallyport:` before them. */
export function tagsInLabel(label: string): readonly string[] {
  return label
    .toLowerCase()
    .split(/[\s,;]+/)
    .map((word) => word.replace(/^sallyport:/, ""))
    .filter((word) => word !== "");
}

/** @returns the tags of a column by its relation's OID and its number: its own and its relation's, sorted */
export function columnTags(notes: readonly Note[]): (relation: number, column: number) => readonly string[] {
  const tags = new Map<string, readonly string[]>();
  for (const { relation, column, comment, label } of notes) {
    const found = [...tagsInComment(comment ?? ""), ...tagsInLabel(label ?? "")];
    if (found.length > 0) tags.set(`${relation}.${column}`, [...(tags.get(`${relation}.${column}`) ?? []), ...found]);
  }
  const at = (relation: number, column: number): readonly string[] => tags.get(`${relation}.${column}`) ?? [];
  return (relation, column) => [...new Set([...at(relation, 0), ...at(relation, column)])].sort();
}
