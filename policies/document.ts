/**
 * The policy document: the parts `access`, `masking`, `guardrails` and `approvals` of sallyport.yaml, as rules.
 * Reading the file and telling where in it a problem stands is the configuration's matter.
 */
import { z } from "zod";
import { SECTIONS, type Sections } from "./registry.ts";

export type PolicyDocument = Sections;

/** Four keys of the configuration's top level; spread it into the schema of the whole. Unknown keys are errors. */
export const policyShape = SECTIONS;

/** The four parts alone, for a document of its own. */
export const policyDocumentSchema = z.strictObject(SECTIONS);

export interface DocumentProblem {
  /** As zod gives paths: keys and indexes. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** What a schema cannot see: rules for targets that are not there. */
export function documentProblems(document: PolicyDocument, targets: readonly string[]): readonly DocumentProblem[] {
  const unknown = (path: readonly (string | number)[], target: string): DocumentProblem[] =>
    targets.includes(target) ? [] : [{ path, message: `there is no target ${JSON.stringify(target)}` }];
  return [
    ...document.access.rules.flatMap((rule, index) =>
      rule.targets.flatMap((target, place) => unknown(["access", "rules", index, "targets", place], target)),
    ),
    ...document.masking.rules.flatMap((rule, index) => unknown(["masking", "rules", index, "target"], rule.target)),
    ...document.guardrails.rules.flatMap((rule, index) =>
      rule.targets.flatMap((target, place) =>
        unknown(["guardrails", "rules", index, ...(rule.listed ? ["targets", place] : ["target"])], target),
      ),
    ),
  ];
}

/**
 * Rules that say of a target what its protocol does not have: columns of an HTTP API, fields of a database. Nobody should
 * believe that they protect.
 *
 * @param protocolOf of the targets that are there
 */
export function protocolProblems(document: PolicyDocument, protocolOf: ReadonlyMap<string, string>): readonly DocumentProblem[] {
  const unfit = (target: string, http: boolean): boolean => protocolOf.has(target) && (protocolOf.get(target) === "http") !== http;
  const problem = (section: string, index: number, http: boolean): DocumentProblem => ({
    path: [section, "rules", index],
    message: http ? "is for HTTP targets, and a target of it is a database" : "is for databases, and a target of it is an HTTP API",
  });
  return [
    ...document.access.rules.flatMap(({ targets, methods, paths, tools }, index) => {
      const http = [methods, paths, tools].some((narrowed) => narrowed !== undefined);
      return http && targets.some((target) => unfit(target, true)) ? [problem("access", index, true)] : [];
    }),
    ...document.masking.rules.flatMap(({ target, http }, index) =>
      unfit(target, http !== null) ? [problem("masking", index, http !== null)] : [],
    ),
    ...document.guardrails.rules.flatMap(({ targets, deny }, index) =>
      targets.some((target) => unfit(target, deny.length === 0)) ? [problem("guardrails", index, deny.length === 0)] : [],
    ),
  ];
}

/** Functions outside `pg_catalog` that statements under a mask may call, as `schema.name`. */
export function allowedFunctions(document: PolicyDocument): readonly string[] {
  return document.masking.functions?.allow ?? [];
}
