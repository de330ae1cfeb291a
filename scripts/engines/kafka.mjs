import { spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { failure, root } from "../bootstrap.mjs";
import { ask, defineEngine, host, requireProgram } from "./process.mjs";

const java = () => requireProgram("java", "default-jre-headless");
const jars = join(root, ".engines", "kafka", "libs");
const jarsStamp = join(jars, "pom.sha256");
const pom = join(root, "scripts", "engines", "pom.xml");
const pomHash = () => createHash("sha256").update(readFileSync(pom)).digest("hex");

/** Whether Kafka can be started without fetching anything. */
export const jarsPresent = () => existsSync(jarsStamp) && readFileSync(jarsStamp, "utf8") === pomHash();

/** Fetches Kafka's jars (46 MB) from Maven Central, once. @throws when Maven is missing or fails */
export const ensureJars = () => {
  if (jarsPresent()) return;
  const maven = requireProgram("mvn", "maven default-jre-headless");
  console.error("fetching the jars of Kafka …");
  rmSync(jars, { recursive: true, force: true });
  mkdirSync(jars, { recursive: true });
  const goal = ["org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies", `-DoutputDirectory=${jars}`];
  const done = spawnSync(maven, ["-q", "-B", "-f", pom, ...goal], { encoding: "utf8", maxBuffer: 64 << 20 });
  if (done.status !== 0) throw failure(`mvn failed:\n${done.stdout}${done.stderr}`);
  writeFileSync(jarsStamp, pomHash());
};

const properties = (data, [port, controllerPort]) =>
  Object.entries({
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.quorum.voters": `1@${host}:${controllerPort}`,
    listeners: `PLAINTEXT://${host}:${port},CONTROLLER://${host}:${controllerPort}`,
    "advertised.listeners": `PLAINTEXT://${host}:${port}`,
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "PLAINTEXT",
    "controller.listener.names": "CONTROLLER",
    "log.dirs": join(data, "log"),
    "auto.create.topics.enable": false,
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    // A consumer group that forms should not wait for members that may come.
    "group.initial.rebalance.delay.ms": 0,
    // After a kill the node is let in again when its former life's session has run out; the default of 9 s is long.
    "broker.session.timeout.ms": 3000,
    "broker.heartbeat.interval.ms": 500,
    // One node with many small partitions: little memory and preallocated index for each.
    "log.index.size.max.bytes": 1 << 20,
    "log.cleaner.dedupe.buffer.size": 8 << 20,
    "num.network.threads": 2,
    "num.io.threads": 4,
  })
    .map(([key, value]) => `${key}=${value}`)
    .join("\n");

/** A Metadata request (version 1, no topics): an answer that names a broker comes only once the broker is unfenced. */
const metadataRequest = () => {
  const request = Buffer.alloc(18);
  request.writeInt32BE(14, 0);
  request.writeInt16BE(3, 4);
  request.writeInt16BE(1, 6);
  request.writeInt32BE(1, 8);
  request.writeInt16BE(-1, 12);
  request.writeInt32BE(0, 14);
  return request;
};

const classPath = () => ["-cp", join(jars, "*")];

/** One Kafka node in KRaft mode, broker and controller in one process. */
export const kafka = defineEngine({
  name: "kafka",
  setting: "IM_QUEUE_URL",
  defaultPort: 9092,
  ports: 1,
  startMs: 90_000,
  url: (port) => `kafka://${host}:${port}`,
  require: () => {
    java();
    if (!jarsPresent()) requireProgram("mvn", "maven default-jre-headless");
  },
  prepare: ({ dir, data, ports }) => {
    ensureJars();
    const config = join(dir, "server.properties");
    writeFileSync(config, `${properties(data, ports)}\n`);
    if (existsSync(join(data, "log", "meta.properties"))) return;
    const id = randomBytes(16).toString("base64url");
    const format = ["kafka.tools.StorageTool", "format", "-t", id, "-c", config];
    // An id that begins with a dash would be read as an option.
    if (id.startsWith("-")) format[3] = `A${id.slice(1)}`;
    const done = spawnSync(java(), [...classPath(), ...format], { encoding: "utf8" });
    if (done.status !== 0) throw failure(`formatting Kafka's folder failed:\n${done.stdout}${done.stderr}`);
  },
  command: ({ dir }) => ({
    file: java(),
    args: [
      "-Xmx512m",
      "-Xms128m",
      "-XX:+UseSerialGC",
      "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
      ...classPath(),
      "kafka.Kafka",
      join(dir, "server.properties"),
    ],
  }),
  ready: async (port) => {
    const answer = await ask(port, metadataRequest());
    return answer.length >= 12 && answer.readInt32BE(8) > 0;
  },
});

export const { start, attach, missing } = kafka;
