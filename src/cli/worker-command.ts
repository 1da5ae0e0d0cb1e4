/** How main.ts is told to be a worker of the gateway: by the keeper, which opens a channel to it. Not a command for people. */
export const WORKER_COMMAND = "gateway-worker";
