/** What the server does with values by its settings, and whether it still gets corrections. */
import type { MysqlCatalogue } from "#protocols/mysql/protocol.ts";
import type { Observation } from "#src/doctor/finding.ts";
import type { Release } from "#src/doctor/server.ts";
import type { MysqlPatient } from "./patient.ts";

/** Of series with long support: end of extended support (Oracle, "Lifetime Support"), end of life (MariaDB Foundation, "Maintenance policy"). */
const LAST_RELEASE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  mysql: { "5.7": "2023-10-31", "8.0": "2026-04-30", "8.4": "2032-04-30", "9.7": "2034-04-30" },
  mariadb: { "10.5": "2025-06-24", "10.6": "2026-07-06", "10.11": "2028-02-16", "11.4": "2029-05-29", "11.8": "2028-06-04" },
};
const OLDEST_LISTED: Readonly<Record<string, number>> = { mysql: 80_000, mariadb: 100_500 };
/** MySQL's short-lived releases between two with long support end with the next one. */
const REPLACED_BELOW: Readonly<Record<string, number>> = { mysql: 90_700, mariadb: 0 };

/** @param version as the server says it */
export function mysqlRelease({ flavour, version: number }: MysqlCatalogue["server"], version: string): Release {
  const series = `${Math.floor(number / 10_000)}.${Math.floor((number % 10_000) / 100)}`;
  const last = LAST_RELEASE[flavour]?.[series];
  const older = number < (OLDEST_LISTED[flavour] ?? 0) || number < (REPLACED_BELOW[flavour] ?? 0);
  return { product: flavour === "mysql" ? "MySQL" : "MariaDB", version, series, last, older };
}

export function settingObservations({ privileges: { settings }, catalogue }: MysqlPatient): readonly Observation[] {
  const logs = [
    { name: "general_log", on: settings.generallog, what: "every statement" },
    { name: "slow_query_log", on: settings.slowlog, what: "slow statements" },
  ] as const;
  const isOn = (value: string): boolean => value === "1" || value.toUpperCase() === "ON";
  return [
    ...logs
      .filter(({ on }) => isOn(on))
      .map(({ name, what }): Observation => {
        const message = `${name} is on: the server writes ${what} down as sent, with the values in it`;
        const remedy = "switch it off, or see who reads it";
        return { code: "log-holds-values", object: name, message, remedy, sql: [`SET GLOBAL ${name} = OFF;`] };
      }),
    ...(isOn(settings.localfiles) ? [infile()] : []),
    ...(settings.filepath === "" ? [files()] : []),
    ...(catalogue.lowerCaseTableNames === 0 ? [] : [folding(catalogue.lowerCaseTableNames)]),
  ];
}

function infile(): Observation {
  const message = "local_infile is on: a server may ask clients for files of theirs; through the gateway it gets none that was not named";
  return {
    code: "server-local-infile",
    object: "local_infile",
    message,
    remedy: "switch it off if nothing needs it",
    sql: ["SET GLOBAL local_infile = OFF;"],
  };
}

function files(): Observation {
  const message = "secure_file_priv is empty: whoever has FILE reads and writes files wherever the server may";
  return {
    code: "server-files-anywhere",
    object: "secure_file_priv",
    message,
    remedy: "set it to a folder of its own, or to NULL, in the server's configuration",
  };
}

function folding(value: number): Observation {
  const message = `lower_case_table_names is ${value}: names of databases and tables don't differ by case, rules are compared with them as the catalogue spells them`;
  return {
    code: "server-folds-names",
    object: "lower_case_table_names",
    message,
    remedy: "write rules as information_schema spells the names",
  };
}
