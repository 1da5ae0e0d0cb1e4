/** The configuration's schema as JSON Schema (draft 2020-12), for editors. It knows keys and shapes, not files or references. */
import { z } from "zod";
import { Files } from "./files.ts";
import { configSchema } from "./schema.ts";

/** JSON text, indented, with a line end. */
export function jsonSchema(): string {
  const schema = z.toJSONSchema(configSchema(new Files("/sallyport.yaml", {})), { io: "input", unrepresentable: "any" });
  const described = {
    ...schema,
    title: "sallyport.yaml",
    description: "Configuration of the Sallyport gateway; see docs/configuration.md",
  };
  return `${JSON.stringify(described, null, 2)}\n`;
}
