/** Proposed rules as YAML, as people would write it, with the reason behind each column: as blocks, or where the file is written in brackets, in brackets. */
import type { Finding, Proposal, WrittenMask } from "./proposal.ts";

/** Lines without indentation of a block sequence's items. */
export function blockLines(proposals: readonly Proposal[], target: string): readonly string[] {
  return proposals.flatMap((proposal) => [
    `# ${headline(proposal)}`,
    `- name: ${scalar(proposal.name)}`,
    `  target: ${scalar(target)}`,
    "  columns:",
    ...proposal.findings.map((finding) => `    - ${pattern(finding)} # ${reason(finding)}`),
    `  with: ${maskText(proposal.mask)}`,
  ]);
}

/** The same between the brackets of a flow sequence, where comments may stand at the ends of lines. */
export function flowLines(proposals: readonly Proposal[], target: string): readonly string[] {
  return proposals.flatMap((proposal, index) => [
    `# ${headline(proposal)}`,
    `{ "name": ${JSON.stringify(proposal.name)}, "target": ${JSON.stringify(target)}, "columns": [`,
    ...proposal.findings.map((finding, place) => {
      const more = place < proposal.findings.length - 1 ? "," : "";
      return `    ${JSON.stringify(nameOf(finding))}${more} # ${reason(finding)}`;
    }),
    `  ], "with": ${JSON.stringify(proposal.mask)} }${index < proposals.length - 1 ? "," : ""}`,
  ]);
}

/** Why a column is proposed, in words. Holds no value, and of the column's name nothing. */
export function reason({ what, matched, sampled, named, shape, confidence }: Finding): string {
  const seen = sampled === 0 ? `no row to look at` : `${matched} of ${sampled} values look like ${what}`;
  return [
    seen,
    ...(shape === null ? [] : [`most as ${shape}`]),
    ...(named ? ["the name says so"] : []),
    `confidence ${confidence.toFixed(2)}`,
  ].join(", ");
}

export function nameOf({ schema, table, column }: Finding): string {
  return `${schema}.${table}.${column}`;
}

function headline({ findings }: Proposal): string {
  const kinds = [...new Set(findings.map(({ what }) => what))].join(", ");
  return `Proposed by sallyport discover: ${kinds}`;
}

function pattern(finding: Finding): string {
  return scalar(nameOf(finding));
}

/** Plain where YAML has no other reading of it. */
function scalar(text: string): string {
  const plain = /^[A-Za-z_][\w-]*(?:\.[\w-]+)*$/.test(text) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(text);
  return plain ? text : JSON.stringify(text);
}

function maskText(mask: WrittenMask): string {
  return typeof mask === "string" ? mask : `{ keepLast: ${mask.keepLast} }`;
}
