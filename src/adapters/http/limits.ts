/** What one fetch may cost. Times in milliseconds, sizes in bytes. */
export interface PageLimits {
  /** Look-up of the name, and again TCP and TLS set-up. */
  readonly connectMs: number;
  /** From the sent request to the complete response headers. */
  readonly headersMs: number;
  /** Everything from the first connection to the last byte of the body, redirects included. */
  readonly totalMs: number;
  /** The body as it comes over the wire. */
  readonly rawBytes: number;
  /** The body after gzip, deflate or brotli are undone. */
  readonly inflatedBytes: number;
  readonly redirects: number;
  /** A body that brings fewer bytes than this within `rateWindowMs` is given up. */
  readonly minBytesPerWindow: number;
  readonly rateWindowMs: number;
  /** Pause between two requests to one host. Hosts on the allow list get none. */
  readonly hostGapMs: number;
  /** How long a host that did not answer is left alone, so that its links do not fill all places. */
  readonly hostDownMs: number;
}

/** The numbers of docs/operations: nothing a person reads takes longer or is bigger. */
export const DEFAULT_LIMITS: PageLimits = {
  connectMs: 5_000,
  headersMs: 10_000,
  totalMs: 20_000,
  rawBytes: 5_000_000,
  inflatedBytes: 10_000_000,
  redirects: 5,
  minBytesPerWindow: 1_000,
  rateWindowMs: 5_000,
  hostGapMs: 500,
  hostDownMs: 3_000,
};
