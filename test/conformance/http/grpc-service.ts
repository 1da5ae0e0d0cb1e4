/** A gRPC service with one method of each kind; messages are bytes, so that no code has to be generated. */
import grpc from "@grpc/grpc-js";
import type { Authority } from "#test/support/certificates.ts";

const same = (bytes: Buffer): Buffer => bytes;

function method(path: string, requestStream: boolean, responseStream: boolean): grpc.MethodDefinition<Buffer, Buffer> {
  return {
    path,
    requestStream,
    responseStream,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

export const SERVICE = {
  unary: method("/test.Echo/Unary", false, false),
  collect: method("/test.Echo/Collect", true, false),
  count: method("/test.Echo/Count", false, true),
  chat: method("/test.Echo/Chat", true, true),
  fail: method("/test.Echo/Fail", false, false),
  silent: method("/test.Echo/Silent", false, false),
} as const;

export interface GrpcTarget {
  readonly port: number;
  readonly ca: string;
  /** Calls that the server saw cancelled. */
  readonly cancelled: string[];
  /** Keys of the metadata of the last call, with their values. */
  readonly asked: Record<string, unknown>[];
  close(): void;
}

export async function startGrpcTarget(authority: Authority): Promise<GrpcTarget> {
  const { cert, key } = await authority.server(["localhost"]);
  const server = new grpc.Server();
  const cancelled: string[] = [];
  const asked: Record<string, unknown>[] = [];
  const trailers = (): grpc.Metadata => {
    const metadata = new grpc.Metadata();
    metadata.set("x-sum", "42");
    metadata.set("x-raw-bin", Buffer.of(0, 255, 10));
    return metadata;
  };
  server.addService(SERVICE, {
    unary(call: grpc.ServerUnaryCall<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) {
      asked.push(call.metadata.getMap());
      const head = new grpc.Metadata();
      head.set("x-head", "first");
      call.sendMetadata(head);
      done(null, Buffer.concat([Buffer.from("echo "), call.request]), trailers());
    },
    collect(call: grpc.ServerReadableStream<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) {
      let bytes = 0;
      call.on("data", (message: Buffer) => {
        bytes += message.length;
      });
      call.on("end", () => done(null, Buffer.from(String(bytes)), trailers()));
    },
    count(call: grpc.ServerWritableStream<Buffer, Buffer>) {
      for (let number = 0; number < Number(call.request.toString()); number++) call.write(Buffer.from(`message ${number}`));
      call.end(trailers());
    },
    chat(call: grpc.ServerDuplexStream<Buffer, Buffer>) {
      call.on("data", (message: Buffer) => call.write(Buffer.concat([message, message])));
      call.on("end", () => call.end());
      call.on("cancelled", () => cancelled.push("chat"));
    },
    fail(_call: grpc.ServerUnaryCall<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) {
      done({ code: grpc.status.FAILED_PRECONDITION, details: "not today: ü", metadata: trailers() });
    },
    silent(call: grpc.ServerUnaryCall<Buffer, Buffer>) {
      call.on("cancelled", () => cancelled.push("silent"));
    },
  });
  const credentials = grpc.ServerCredentials.createSsl(null, [{ cert_chain: Buffer.from(cert), private_key: Buffer.from(key.expose()) }]);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", credentials, (error, bound) => (error === null ? resolve(bound) : reject(error))),
  );
  return { port, ca: authority.ca, cancelled, asked, close: () => server.forceShutdown() };
}
