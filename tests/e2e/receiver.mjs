// A receiver as the platform's existing ones are: it parses the body, and verifies what JSON.stringify makes of it.
import { createHmac } from "node:crypto";
import { createServer } from "node:http";

createServer(async (request, response) => {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  const body = JSON.stringify(JSON.parse(text));
  const expected = "sha256=" + createHmac("sha256", process.env.SECRET).update(body).digest("hex");
  const verified = expected === request.headers["x-webhook-signature"];
  console.log(JSON.stringify({ event: JSON.parse(text).event, verified, same: body === text }));
  response.writeHead(verified ? 200 : 401).end();
}).listen(Number(process.env.PORT), "127.0.0.1");
