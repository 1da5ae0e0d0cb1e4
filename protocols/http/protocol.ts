/**
 * The face of HTTP: what the gateway may use of this folder. The wire itself is Node's; here is only what a request asks
 * for, and what of it and of its answer passes. README.md lists the specifications.
 */

export { Blanker, blankedText, Literals } from "./blanker.ts";
export { type RequestBodyContext, type ResponseBodyContext, requestBody, responseBody } from "./body.ts";
export { grpcRefusal, isGrpc } from "./grpc.ts";
export { endToEnd, type HeaderPair, valuesOf } from "./header-pairs.ts";
export type { BodyFilter } from "./json-filter.ts";
export { literalsOf } from "./literals.ts";
export { MCP_MESSAGE_BYTES_MAX, type McpCall, type McpMessage, mcpFacts, mcpMessage, mcpRefusal, NO_CALLS } from "./mcp.ts";
export { checkMethod } from "./method.ts";
export { type Answer, challenge, metadataAskedFor, type ProblemContext, problem, protectedResourceMetadata } from "./problem.ts";
export { type RequestContext, readsBodies, recordedFields, requestHeaders } from "./request-headers.ts";
export { passedFields, type ResponseContext, responseHeaders } from "./response-headers.ts";
export { type Addressed, type KnownTargets, type RequestedTarget, requestedTarget, resourceOf, sentTarget } from "./target.ts";
export { checkUpgrade } from "./upgrade.ts";
export { type AddressContext, decodedParameter, maskedQuery, replacedParameters, sentQuery, translatedAddress } from "./urls.ts";
export { WIRE_ERRORS } from "./wire-errors.ts";
