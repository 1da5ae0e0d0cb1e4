/** Limits of the HTTP front, with the reason or the source of each number. docs/limits.md names them. */

/** Of request line and header fields together, as nginx's four buffers of 8 KiB; a token of a large organisation has 16 kB. */
export const HEAD_BYTES_MAX = 64 * 1024;

/** Of a request's target. RFC 9110 section 4.1 asks for 8,000 octets at least. */
export const TARGET_BYTES_MAX = 16 * 1024;

/** Header fields of one request: browsers send twenty, gRPC clients a dozen and their metadata. */
export const HEADER_FIELDS_MAX = 200;

/** From the first byte of a request to the end of its head. */
export const HEAD_MS = 20_000;

/** How often node:http looks for heads that are late. */
export const CHECK_MS = 2_000;

/** A connection without a request under way: longer than the pools of common clients keep one, so that they close first. */
export const IDLE_MS = 120_000;

/** A body whose length is known must come at this rate on the average, after a while in which links may be slow to start. */
export const BODY_BYTES_PER_SECOND_MIN = 500;
export const BODY_GRACE_MS = 20_000;

/** Requests under way on one HTTP/2 connection: RFC 9113 section 6.5.2 advises no less than 100. */
export const STREAMS_MAX = 256;

/** Requests that HTTP/1.1 clients may send ahead; they are served one after the other. */
export const PIPELINE_MAX = 64;

/** Streams that a client may open and reset at once, and each second from then on (CVE-2023-44487). */
export const RESET_BURST = 200;
export const RESETS_PER_SECOND = 33;

/** SETTINGS entries in one frame: RFC 9113 defines seven. */
export const SETTINGS_MAX = 32;

/** PINGs of our own that wait for an answer. */
export const PINGS_MAX = 4;

/** Invalid frames, and refused streams, after which a connection is closed. */
export const INVALID_FRAMES_MAX = 50;
export const REJECTED_STREAMS_MAX = 100;

/** What Node may hold for one HTTP/2 connection, MB: heads, frames on their way out. */
export const CONNECTION_MEMORY_MB = 16;

/** Of one request's body before it must be read. */
export const STREAM_WINDOW_BYTES = 1024 * 1024;
export const CONNECTION_WINDOW_BYTES = 4 * 1024 * 1024;

/** A client that reads nothing of an answer that waits for it is cut off after this, or twice as long. */
export const UNREAD_MS = 300_000;

/** How long a body that nobody wants is read before the connection is closed: the answer must not be lost to a reset. */
export const UNWANTED_MS = 2_000;

/** After this much silence the last bytes of a message go on, though they look like the beginning of a credential. */
export const PAUSE_MS = 25;
