// The vendor's own client, unmodified: reads one JSON call a line and answers each with a line, in any order.
// {"id":1,"secured":true,"request":{...}} -> {"id":1,"response":{...}} or {"id":1,"error":{"name":..,"statusCode":..,"errorCode":..,"message":..}}
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(import.meta.url);
const { Client, Config, TerminalLocalAPI } = require("@adyen/api-library");
const Unencrypted = require("@adyen/api-library/lib/src/services/terminalLocalAPIUnencrypted").default;
const options = JSON.parse(process.argv[2]);
const common = { apiKey: options.apiKey, environment: "TEST", terminalApiLocalEndpoint: options.endpoint };
const settings = { ...common, connectionTimeoutMillis: options.timeout ?? 20000 };
// The unencrypted class changes the settings of its client, so each has one of its own.
const plain = new Unencrypted(new Client(new Config({ ...settings })));
const secured = new TerminalLocalAPI(new Client(new Config({ ...settings, certificatePath: options.certificate })));

async function call({ id, secured: safe, request }) {
  const told = { id };
  try {
    told.response = await (safe ? secured.request(request, options.key) : plain.request(request));
  } catch (error) {
    const { name, message, statusCode, errorCode } = error;
    told.error = { name, message, statusCode, errorCode };
  }
  process.stdout.write(JSON.stringify(told) + "\n");
}

process.stdout.write('{"ready":true}\n');
for await (const line of createInterface({ input: process.stdin })) call(JSON.parse(line));
