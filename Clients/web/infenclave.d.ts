// SPDX-License-Identifier: Apache-2.0
// Types of infenclave.js, written by hand; tests/check.py compares their names with what the module exports.

/** Bytes by the vendor's role, such as `vcek` or `crl` (Documentation/protocol.md, section 2). */
export type Collateral = Record<string, Uint8Array>;

/** Seconds since 1970 by the name of a piece of collateral. */
export type CollateralDates = Record<string, number>;

/** `dangerouslyAccept` accepts evidence of the development TEE, which protects nothing, if the policy names it too. */
export type DevelopmentTEE = "refuse" | "dangerouslyAccept";

export type TEEKind = "development" | "sgx" | "tdx" | "snp" | "nitro" | "az-snp" | "az-tdx";

export type ErrorCode =
  | "unreachable"
  | "invalidResponse"
  | "refused"
  | "attestationRejected"
  | "invalidInput"
  | "unknownToken"
  | "invalidConfiguration";

export class InfenclaveError extends Error {
  readonly code: ErrorCode;
  readonly remedy: string;
  /** The code of a refusal by server or enclave, such as `notProvisioned`. */
  readonly refusal: string | null;
  /** Every check, if `code` is `attestationRejected`. */
  readonly verdict: Verdict | null;
}

/** What a client demands of evidence, from a policy file (Documentation/policy.schema.json). */
export class Policy {
  /** @throws InfenclaveError `invalidConfiguration` */
  constructor(file: string | Uint8Array);
  readonly tee: ReadonlySet<TEEKind>;
}

export interface VerdictEntry {
  /** The stable name of a check (Documentation/attestation-checks.md). */
  readonly check: string;
  readonly outcome: "passed" | "failed" | "skipped";
  /** The stable reason of a failure. */
  readonly code?: string;
  /** Why it was skipped. */
  readonly reason?: string;
  readonly found: string;
  readonly expected: string;
}

/** The JSON of `infenclave attest --json`. */
export interface VerdictReport {
  readonly tee: TEEKind;
  readonly verdict: "accepted" | "rejected";
  readonly reasons: readonly { check: string; code: string; message: string }[];
  readonly skipped: readonly { check: string; reason: string }[];
  readonly warnings: readonly string[];
  readonly tcbStatus: null;
  readonly tcbDate: null;
  readonly advisories: readonly string[];
  readonly debug: boolean;
  readonly reportData: string;
  readonly measurement: string;
  readonly measurements: Readonly<Record<string, string>>;
  readonly securityVersions: Readonly<Record<string, number>>;
}

export interface Claims {
  readonly measurements: readonly { name: string; value: Uint8Array }[];
  readonly reportData: Uint8Array;
  readonly isDebug: boolean;
  readonly securityVersions: ReadonlyMap<string, number>;
  readonly flags: ReadonlyMap<string, boolean>;
  readonly vmpl: number | null;
  /** When a Nitro document was made, in seconds since 1970. */
  readonly timestamp: number | null;
  readonly collateral: CollateralDates;
}

export class Verdict {
  private constructor();
  readonly tee: TEEKind;
  readonly entries: readonly VerdictEntry[];
  readonly warnings: readonly string[];
  /** Trustworthy only if `isAccepted`, or as far as checks passed. */
  readonly claims: Claims;
  readonly isAccepted: boolean;
  readonly failures: readonly VerdictEntry[];
  readonly skipped: readonly VerdictEntry[];
  readonly summary: string;
  /** The entries with their conditions, and the remedy for a failure. */
  readonly explanation: readonly (VerdictEntry & { summary: string; remedy: string })[];
  toJSON(): VerdictReport;
}

export interface ServiceFacts {
  readonly acceptsFloats: boolean;
  /** 1 f32, 2 bf16, 3 int8. */
  readonly precision: 1 | 2 | 3;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly classes: number;
  readonly topK: number;
  /** 0 for no noise. */
  readonly sigma: number;
  readonly toHost: readonly { type: string; shape: number[]; bytes: number }[];
  readonly fromHost: readonly { type: string; shape: number[]; bytes: number }[];
  readonly isEverythingInside: boolean;
  readonly boundaryBytes: number;
}

export interface EnclaveFacts {
  readonly frontNetDigest: Uint8Array;
  readonly mappingUnitDigest: Uint8Array;
  readonly state: "unprovisioned" | "provisioned" | "leaseEnded";
  readonly lease: { sequence: bigint; seconds: number; secondsLeft: number } | null;
  readonly service: ServiceFacts | null;
}

export interface ManifestCore {
  readonly identifier: Uint8Array;
  readonly ownerPublicKey: Uint8Array;
  readonly service: ServiceFacts;
  /** By kind: 1 FrontNet, 2 mapping unit, 3 to 5 the BackNet's files. */
  readonly parts: ReadonlyMap<number, { bytes: number; digest: Uint8Array }>;
  readonly textDigest: Uint8Array;
}

/** A peer whose evidence passed every required check. Only `verifyService` makes one. */
export class VerifiedPeer {
  private constructor();
  readonly verdict: Verdict;
  readonly manifestCore: ManifestCore;
  readonly facts: EnclaveFacts;
  readonly manifest: Uint8Array;
  readonly manifestDigest: Uint8Array;
  readonly epoch: Uint8Array;
  readonly keyConfiguration: Uint8Array;
  readonly isProvisioned: boolean;
}

export interface Preprocessing {
  readonly width: number;
  readonly height: number;
  readonly channels: "RGB" | "BGR" | "grey";
  readonly resize:
    | { mode: "shorterSide"; length: number; rounding?: "torchvision" | "transformers" }
    | { mode: "stretch"; width?: number; height?: number; rounding?: "torchvision" | "transformers" }
    | { mode: "letterbox"; fill: number }
    | { mode: "darknetLetterbox" }
    | { mode: "none" };
  readonly interpolation: "bilinear" | "bicubic";
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** The owner's description of the model; its signature was verified. */
export class Manifest {
  private constructor();
  readonly identifier: string;
  readonly modelName: string;
  readonly inputName: string;
  readonly preprocessing: Preprocessing;
  readonly cuts: { front: string; mapping: string };
  readonly classes: number;
  readonly topK: number;
  readonly assessment: { status: string; headline: string };
}

export type PictureSource = Blob | ImageBitmap | HTMLImageElement | HTMLVideoElement | HTMLCanvasElement;

/** A picture of 8 bits a channel: 1 (grey) or 3 (RGB) channels, interleaved, rows from top to bottom without padding. */
export class Picture {
  constructor(width: number, height: number, channels: 1 | 3, pixels: Uint8Array);
  static decode(source: PictureSource): Promise<Picture>;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly pixels: Uint8Array;
  rgb(): Picture;
  grey(): Picture;
  resized(width: number, height: number, interpolation: "bilinear" | "bicubic"): Picture;
  /** The picture as the enclave gets it, in RGB or grey. */
  fitted(preprocessing: Preprocessing): Picture;
  /** The tensor that is encrypted: u8 [1, height, width, channels]. */
  tensor(preprocessing: Preprocessing): { element: "u8"; shape: number[]; data: Uint8Array };
}

export interface VerificationRequest {
  tee: TEEKind;
  evidence: Uint8Array;
  collateral?: Collateral;
  /** Seconds since 1970. */
  time: number;
  /** One certificate, PEM or DER, instead of the vendor's: for tests, and every verdict warns of it. */
  roots?: Uint8Array | null;
  seenBefore?: CollateralDates;
}

/** Appraises saved evidence, which belongs to no session. */
export function appraiseEvidence(
  request: VerificationRequest,
  options?: { policy?: Policy | null; reportData?: Uint8Array | null; development?: DevelopmentTEE },
): Promise<Verdict>;

/** Verifies that a document was made for this nonce by an enclave that the policy describes. */
export function verifyService(
  json: Uint8Array,
  options: {
    policy: Policy;
    /** 16 to 64 bytes that are used once. */
    nonce: Uint8Array;
    /** Seconds since 1970. */
    time: number;
    collateral?: Collateral;
    roots?: Uint8Array | null;
    seenBefore?: CollateralDates;
    development?: DevelopmentTEE;
  },
): Promise<VerifiedPeer>;

export interface Classification {
  readonly index: number;
  readonly name: string;
  /** 0 to 1. */
  readonly probability: number;
}

export type ClassifyInput = PictureSource | Picture | Float32Array;

/** A verified enclave. */
export class EnclaveSession {
  private constructor();
  readonly peer: VerifiedPeer;
  readonly manifest: Manifest;
  readonly kem: "X-Wing" | "X25519";
  hasOtherKeysThan(other: EnclaveSession): boolean;
  /** @throws InfenclaveError */
  classify(input: ClassifyInput, options?: { signal?: AbortSignal | null }): Promise<Classification[]>;
}

/** Classifies pictures in an enclave that a policy describes. */
export class InfenclaveClient {
  /** @throws InfenclaveError `invalidConfiguration` */
  constructor(
    server: string,
    options: {
      policy: Policy;
      /** 32 bytes, or the text of a token file. */
      token: Uint8Array | string;
      development?: DevelopmentTEE;
      collateral?: Collateral;
      roots?: Uint8Array | null;
      /** `collateralSeen` of an earlier visit. */
      seenBefore?: CollateralDates;
      /** Milliseconds. */
      timeout?: number;
      /** Milliseconds: if its evidence is older, the enclave is attested again before a request. By default an hour. */
      maximumSessionAge?: number;
    },
  );
  /** The dates of the verified collateral: older collateral is refused. Keep them for the next visit. */
  collateralSeen: CollateralDates;
  /** @throws InfenclaveError */
  attest(options?: { signal?: AbortSignal | null }): Promise<EnclaveSession>;
  /** @throws InfenclaveError */
  classify(input: ClassifyInput, options?: { signal?: AbortSignal | null }): Promise<Classification[]>;
}

/** Whether this browser encrypts requests with X-Wing (post-quantum); otherwise it uses X25519 alone. */
export function supportsXWing(): Promise<boolean>;

/** Lower-case hexadecimal digits, two for each byte. */
export function hex(bytes: Uint8Array): string;
