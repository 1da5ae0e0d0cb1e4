/** What is counted of a session: lists show it while the session runs, and its summary keeps it. */
export interface SessionCounts {
  statements: number;
  rows: number;
  maskedCells: number;
  denied: number;
  /** That the target sent. */
  bytes: number;
}

export function noCounts(): SessionCounts {
  return { statements: 0, rows: 0, maskedCells: 0, denied: 0, bytes: 0 };
}
