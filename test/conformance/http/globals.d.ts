/** What the MCP SDK's types take from the browser's, and Node's types do not declare. */
type HeadersInit = ConstructorParameters<typeof Headers>[0];
