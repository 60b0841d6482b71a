// npm's verification library: prints which ways to give it each secret accept a delivery.
import { Webhook } from "standardwebhooks";

const accepted = (make, { body, headers }) => {
  try {
    make().verify(body, headers);
    return true;
  } catch {
    return false;
  }
};

for (const one of JSON.parse(process.env.DELIVERIES)) {
  const usual = accepted(() => new Webhook(one.secret), one);
  const raw = accepted(() => new Webhook(one.secret, { format: "raw" }), one);
  console.log(JSON.stringify({ id: one.id, usual, raw }));
}
