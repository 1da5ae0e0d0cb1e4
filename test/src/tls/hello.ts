/** Writes ClientHellos that no library would: the other half of the parser under test, from RFC 8446 section 4.1.2. */

export interface HelloSpec {
  readonly legacyVersion?: number;
  readonly cipherSuites?: readonly number[];
  readonly supportedVersions?: readonly number[] | null;
  readonly sni?: string | null;
  readonly alpn?: readonly string[];
  readonly groups?: readonly number[];
  readonly keyShares?: readonly number[];
  readonly signatureAlgorithms?: readonly number[];
  /** Raw extensions, added last. */
  readonly extra?: readonly (readonly [number, Buffer])[];
  /** No extensions block at all, as very old clients do. */
  readonly bare?: boolean;
}

const u8 = (value: number): Buffer => Buffer.from([value]);
export const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);
const u24 = (value: number): Buffer => Buffer.from([value >> 16, (value >> 8) & 0xff, value & 0xff]);
export const vector16 = (body: Buffer): Buffer => Buffer.concat([u16(body.length), body]);
const vector8 = (body: Buffer): Buffer => Buffer.concat([u8(body.length), body]);
const codes = (values: readonly number[]): Buffer => Buffer.concat(values.map(u16));

/** The handshake message, header included, without records. */
export function helloMessage(spec: HelloSpec): Buffer {
  const extensions: (readonly [number, Buffer])[] = [];
  if (spec.sni !== undefined && spec.sni !== null) {
    extensions.push([0, vector16(Buffer.concat([u8(0), vector16(Buffer.from(spec.sni, "latin1"))]))]);
  }
  if (spec.groups !== undefined) extensions.push([10, vector16(codes(spec.groups))]);
  if (spec.signatureAlgorithms !== undefined) extensions.push([13, vector16(codes(spec.signatureAlgorithms))]);
  if (spec.alpn !== undefined) {
    extensions.push([16, vector16(Buffer.concat(spec.alpn.map((name) => vector8(Buffer.from(name, "latin1")))))]);
  }
  if (spec.supportedVersions !== undefined && spec.supportedVersions !== null) {
    extensions.push([43, vector8(codes(spec.supportedVersions))]);
  }
  if (spec.keyShares !== undefined) {
    extensions.push([
      51,
      vector16(Buffer.concat(spec.keyShares.map((group) => Buffer.concat([u16(group), vector16(Buffer.alloc(32, 7))])))),
    ]);
  }
  const all = [...extensions, ...(spec.extra ?? [])].map(([type, body]) => Buffer.concat([u16(type), vector16(body)]));
  const body = Buffer.concat([
    u16(spec.legacyVersion ?? 0x0303),
    Buffer.alloc(32, 1),
    vector8(Buffer.alloc(0)),
    vector16(codes(spec.cipherSuites ?? [0x1301, 0xc02b])),
    vector8(u8(0)),
    ...(spec.bare === true ? [] : [vector16(Buffer.concat(all))]),
  ]);
  return Buffer.concat([u8(1), u24(body.length), body]);
}

/** Puts a handshake message into records, cut at the given offsets. */
export function intoRecords(message: Buffer, cuts: readonly number[] = [], recordVersion = 0x0301): Buffer {
  const ends = [...cuts.filter((cut) => cut > 0 && cut < message.length), message.length].sort((a, b) => a - b);
  const records: Buffer[] = [];
  let from = 0;
  for (const to of ends) {
    if (to === from) continue;
    records.push(Buffer.concat([u8(22), u16(recordVersion), vector16(message.subarray(from, to))]));
    from = to;
  }
  return Buffer.concat(records);
}

export function helloBytes(spec: HelloSpec = {}): Buffer {
  return intoRecords(helloMessage(spec));
}
