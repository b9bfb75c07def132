// Answers a request to an API with what an endpoint's model makes of it, while it makes it.
"use strict";

const { once } = require("node:events");
const {
  InvokeEndpointWithResponseStreamCommand,
  SageMakerRuntimeClient,
} = require("@aws-sdk/client-sagemaker-runtime"); // Lambda's runtimes hold it

const { ENDPOINT_NAME, ENDPOINT_REGION, INFERENCE_COMPONENT_NAME, HEADERS } = process.env;
const MEMBERS = JSON.parse(HEADERS); // of SageMaker's request, by the header in lower case
// The status that a caller gets by SageMaker's. What is not here, such as the 403 of a function that may not invoke,
// is the API's own 500, which tells nothing of the account.
const STATUSES = { 400: 400, 413: 413, 424: 424, 429: 429, 500: 502, 503: 503, 530: 502 };

const client = new SageMakerRuntimeClient({
  region: ENDPOINT_REGION,
  maxAttempts: 1, // the caller's to repeat
  // A connection that was kept while Lambda froze the function may be dead, and what was sent over it is not repeated.
  requestHandler: { httpsAgent: { keepAlive: false } },
});

exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  let answer;
  try {
    answer = await client.send(new InvokeEndpointWithResponseStreamCommand(request(event)));
  } catch (error) {
    const status = STATUSES[error.$metadata?.httpStatusCode] ?? 500;
    if (status === 500) console.error(error);
    const out = respond(stream, status, { "Content-Type": "application/json" });
    out.write(JSON.stringify(status === 500 ? { message: "Internal server error" } : refusal(error)));
    out.end();
    return;
  }
  const out = respond(stream, 200, {
    "Content-Type": answer.ContentType ?? "application/octet-stream",
    "X-Amzn-Invoked-Production-Variant": answer.InvokedProductionVariant,
    "X-Amzn-SageMaker-Custom-Attributes": answer.CustomAttributes,
  });
  out.write(""); // status and headers do not wait for the first part
  // An error that SageMaker sends in the midst is thrown here, and Lambda breaks the answer off. Not by pipeline(), which
  // would destroy the stream: Lambda's runtime tells of the error at its end, and would wait for that until the timeout.
  for await (const { PayloadPart } of answer.Body) {
    if (!out.write(PayloadPart.Bytes)) await once(out, "drain");
  }
  out.end();
});

function request({ headers, body, isBase64Encoded }) {
  const input = { EndpointName: ENDPOINT_NAME, InferenceComponentName: INFERENCE_COMPONENT_NAME };
  for (const [name, value] of Object.entries(headers ?? {})) {
    const member = MEMBERS[name.toLowerCase()];
    if (member) input[member] = value;
  }
  return { ...input, Body: Buffer.from(body ?? "", isBase64Encoded ? "base64" : "utf8") };
}

function respond(stream, statusCode, headers) {
  return awslambda.HttpResponseStream.from(stream, { statusCode, headers });
}

function refusal({ message, ErrorCode, LogStreamArn, OriginalMessage, OriginalStatusCode }) {
  return { Message: message, ErrorCode, LogStreamArn, OriginalMessage, OriginalStatusCode };
}
