// kafkajs in a consumer group, as people use it: prints each record of a topic as one line, until COUNT have come.
import { Kafka, logLevel } from "kafkajs";

const kafka = new Kafka({ brokers: [process.env.BROKER], logLevel: logLevel.ERROR });
const consumer = kafka.consumer({ groupId: "receivers" });
const wanted = Number(process.env.COUNT);
let count = 0;

await consumer.connect();
await consumer.subscribe({ topic: process.env.TOPIC, fromBeginning: true });
await consumer.run({
  eachMessage: async ({ message }) => {
    console.log(JSON.stringify({ id: message.headers["webhook-id"].toString(), body: message.value.toString() }));
    count += 1;
    if (count === wanted) setImmediate(() => consumer.disconnect().then(() => process.exit(0)));
  },
});
