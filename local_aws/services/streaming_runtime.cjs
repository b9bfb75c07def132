// Lambda's Node.js runtime as far as a response stream needs it: runs one handler once, whose stream is this process's
// standard output; what it logs goes to standard error.
// What a handler finds in `awslambda`: https://github.com/aws/aws-lambda-nodejs-runtime-interface-client
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { Writable } = require("node:stream");

Object.defineProperty(process, "stdout", { get: () => process.stderr });
const output = new Writable({
  write(chunk, _encoding, done) {
    // At once: what is written before a failure arrives.
    for (let at = 0; at < chunk.length; ) at += fs.writeSync(1, chunk, at);
    done();
  },
});

const STREAMED = Symbol("streamed");
const DELIMITER = new Uint8Array(8);

class HttpResponseStream {
  /** Has the status and the headers go ahead of the first bytes of a stream. */
  static from(stream, metadata) {
    const write = stream.write;
    stream.write = (...args) => {
      stream.write = write;
      stream.write(JSON.stringify(metadata));
      stream.write(DELIMITER);
      return stream.write(...args);
    };
    return stream;
  }
}

globalThis.awslambda = {
  streamifyResponse: (handler) => Object.assign(handler, { [STREAMED]: true }),
  HttpResponseStream,
};

async function load(name) {
  try {
    return require(name);
  } catch (error) {
    if (error.code !== "MODULE_NOT_FOUND" || !fs.existsSync(`${name}.mjs`)) throw error;
    return import(`${name}.mjs`);
  }
}

// Ends with local AWS, even if that is killed.
const parent = process.ppid;
setInterval(() => process.ppid === parent || process.exit(1), 1000).unref();

async function main(directory, entry, event) {
  const [, name, function_] = /^(.+)\.(.+)$/.exec(entry);
  const handler = (await load(path.resolve(directory, name)))[function_];
  if (!handler?.[STREAMED]) throw new Error(`${entry} is not made by awslambda.streamifyResponse`);
  const finished = new Promise((resolve, reject) => output.on("finish", resolve).on("error", reject));
  await handler(event, output, { functionName: process.env.AWS_LAMBDA_FUNCTION_NAME });
  await finished;
}

main(process.argv[2], process.argv[3], JSON.parse(fs.readFileSync(0, "utf8"))).then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    const lacksSdk = error?.code === "MODULE_NOT_FOUND" && error.message.includes("'@aws-sdk/");
    process.exit(lacksSdk ? 3 : 1);
  },
);
