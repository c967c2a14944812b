// The vendor's own client, unmodified, behind a unix socket: one process for many tests, a connection for each.
// The first line of a connection holds the client's settings; every further one a call, answered by a line, in any order:
// {"id":1,"secured":true,"request":{...}} -> {"id":1,"response":{...}} or {"id":1,"error":{"name","message","statusCode","errorCode"}}
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { createInterface } from "node:readline";

const require = createRequire(import.meta.url);
const { Client, Config, TerminalLocalAPI } = require("@adyen/api-library");
const Unencrypted = require("@adyen/api-library/lib/src/services/terminalLocalAPIUnencrypted").default;

function clients({ apiKey, endpoint, certificate, timeout = 20000 }) {
  const settings = { apiKey, environment: "TEST", terminalApiLocalEndpoint: endpoint, connectionTimeoutMillis: timeout };
  // The unencrypted class changes the settings of its client, so each has one of its own.
  return {
    plain: new Unencrypted(new Client(new Config({ ...settings }))),
    secured: new TerminalLocalAPI(new Client(new Config({ ...settings, certificatePath: certificate }))),
  };
}

async function answer({ plain, secured }, key, { id, secured: safe, request }) {
  try {
    return { id, response: await (safe ? secured.request(request, key) : plain.request(request)) };
  } catch ({ name, message, statusCode, errorCode }) {
    return { id, error: { name, message, statusCode, errorCode } };
  }
}

const server = createServer(async (socket) => {
  socket.on("error", () => {});
  let api, options;
  try {
    for await (const line of createInterface({ input: socket })) {
      const told = JSON.parse(line);
      if (!api) [api, options] = [clients(told), told];
      else answer(api, options.key, told).then((back) => socket.write(JSON.stringify(back) + "\n"));
    }
  } catch (error) {
    if (error !== socket.errored) console.error(error); // a till may go away with an answer unread
    socket.destroy(); // one till's fault ends its own connection, not the others'
  }
});
server.listen(process.argv[2], () => process.stdout.write("ready\n"));
process.stdin.on("end", () => process.exit(0)).resume();
