// npm's client for Pub/Sub, as people use it: prints each message of a subscription as one line, until COUNT have come.
// Its first message it rejects once, which must bring it back.
import { PubSub } from "@google-cloud/pubsub";

const subscription = new PubSub({ projectId: process.env.PROJECT }).subscription(process.env.SUBSCRIPTION);
const wanted = Number(process.env.COUNT);
let rejected = false;
let count = 0;

subscription.on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});
subscription.on("message", async (message) => {
  if (!rejected) {
    rejected = true;
    message.nack();
    return;
  }
  message.ack();
  console.log(JSON.stringify({ id: message.attributes["webhook-id"], body: message.data.toString() }));
  count += 1;
  if (count === wanted) {
    await subscription.close();
    process.exit(0);
  }
});
