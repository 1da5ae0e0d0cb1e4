/** What the doctor finds at a target while the gateway serves it, as lines of the log. */
import { bySeverity, type Finding, isOfRules, isWarning } from "#src/doctor/finding.ts";

export type FindingsLog = (level: "info" | "warn", event: string, fields: Readonly<Record<string, unknown>>) => void;

/**
 * Each finding is a line when it is first found; what is fine is no news. What is amiss with masking rules is told once, as
 * `masking-rule`, which looks at all databases of the target.
 */
export function findingsToldOnce(log: FindingsLog, target: string, database: string) {
  let known: ReadonlySet<string> = new Set();
  return async (look: () => Promise<readonly Finding[]>): Promise<void> => {
    try {
      const findings = bySeverity(await look()).filter((finding) => finding.severity !== "ok" && !isOfRules(finding));
      for (const finding of findings)
        if (!known.has(JSON.stringify(finding))) log(isWarning(finding) ? "warn" : "info", "doctor", { ...finding });
      known = new Set(findings.map((finding) => JSON.stringify(finding)));
    } catch (error) {
      log("warn", "doctor-failed", { target, database, message: error instanceof Error ? error.message : String(error) });
    }
  };
}
