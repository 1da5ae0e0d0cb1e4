/** The part of the grammar package's WebAssembly face that `grammar.ts` uses; the package declares none for it. */
declare module "libpg-query/wasm/libpg-query.js" {
  export interface GrammarInstance {
    readonly HEAPU8: Uint8Array;
    _malloc(bytes: number): number;
    _free(address: number): void;
    _wasm_parse_query_raw(text: number): number;
    _wasm_free_parse_result(result: number): void;
    _wasm_scan(text: number): number;
    _wasm_free_string(text: number): void;
    lengthBytesUTF8(text: string): number;
    stringToUTF8(text: string, address: number, bytesMax: number): void;
    UTF8ToString(address: number): string;
    getValue(address: number, type: "i32"): number;
  }
  const makeInstance: () => Promise<GrammarInstance>;
  // biome-ignore lint/style/noDefaultExport: it is how the package's module exports it
  export default makeInstance;
}
