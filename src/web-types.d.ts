/**
 * Names of the web platform that the declarations of two libraries expect to be global (`@peculiar/x509`,
 * `age-encryption`). Node has the things themselves; its types put them elsewhere, and the browser's library of types
 * would bring along a thousand names that do not exist here.
 */
import type { webcrypto } from "node:crypto";

declare global {
  type BufferSource = ArrayBufferView | ArrayBuffer;
  type Algorithm = webcrypto.Algorithm;
  type AlgorithmIdentifier = webcrypto.AlgorithmIdentifier;
  type KeyUsage = webcrypto.KeyUsage;
  type CryptoKeyPair = webcrypto.CryptoKeyPair;
  type EcKeyGenParams = webcrypto.EcKeyGenParams;
  type EcKeyImportParams = webcrypto.EcKeyImportParams;
  type EcdsaParams = webcrypto.EcdsaParams;
  type RsaHashedImportParams = webcrypto.RsaHashedImportParams;
  interface Crypto extends webcrypto.Crypto {}
  interface CryptoKey extends webcrypto.CryptoKey {}
  /** WebAuthn, which needs a browser: nothing here uses it. */
  type AuthenticationExtensionsPRFValues = never;
}
