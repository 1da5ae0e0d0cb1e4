/** How far an answer under way has come. */
import type { Judgement } from "#protocols/wire/judgement.ts";
import type { Run } from "#protocols/wire/run.ts";
import type { Column } from "./column.ts";

/** Columns of the rows that a prepared statement will bring. */
export interface DefinedOutputs {
  readonly judgement: Judgement;
  readonly count: number;
  /** Grows with each definition: whether the column bears another name than its origin. */
  readonly renamed: boolean[];
}

export type Phase =
  /** The first packet of an answer, or of the next result of several. */
  | { readonly kind: "first" }
  | { readonly kind: "columns"; readonly columns: Column[]; left: number }
  | { readonly kind: "columns-eof"; readonly columns: readonly Column[] }
  | { readonly kind: "rows"; readonly columns: readonly Column[]; readonly run: Run | null }
  /** Definitions behind COM_STMT_PREPARE_OK: so many of parameters, then of columns, an EOF behind each list. */
  | { readonly kind: "definitions"; readonly counts: number[]; left: number; readonly outputs: DefinedOutputs | null }
  | { readonly kind: "fields" }
  /** The server waits for the content of a file. */
  | { readonly kind: "file" };

export const FIRST: Phase = { kind: "first" };
