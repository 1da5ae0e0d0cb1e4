/** What a COPY TO STDOUT sent: its data, and the cells of its rows in the text and binary formats. */

/** The bodies of all CopyData messages, one after the other. */
export function copiedData(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at + 5 <= bytes.length; at += 1 + bytes.readUInt32BE(at + 1)) {
    if (bytes[at] === 0x64) parts.push(bytes.subarray(at + 5, at + 1 + bytes.readUInt32BE(at + 1)));
  }
  return Buffer.concat(parts);
}

/** Cells of the default text format as they are written, or of the binary format as hex. */
export function copiedCells(bytes: Buffer, binary: boolean): readonly (readonly (string | null)[])[] {
  const data = copiedData(bytes);
  if (!binary) {
    const lines = data.toString("utf8").split("\n").slice(0, -1);
    return lines.map((line) => line.split("\t").map((cell) => (cell === "\\N" ? null : cell)));
  }
  // Signature of 11 bytes, flags, the length of an extension (documentation, "COPY", Binary Format).
  const rows: (string | null)[][] = [];
  let at = 19 + data.readUInt32BE(15);
  for (let count = data.readInt16BE(at); count >= 0; count = data.readInt16BE(at)) {
    at += 2;
    const row: (string | null)[] = [];
    for (let left = count; left > 0; left--) {
      const length = data.readInt32BE(at);
      at += 4;
      row.push(length < 0 ? null : data.toString("hex", at, at + length));
      at += Math.max(length, 0);
    }
    rows.push(row);
  }
  return rows;
}
