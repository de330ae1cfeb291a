// Engines in containers, for tests on a machine that has Docker. Each answers {url, stop}.
import { request } from "node:http";
import { freePort } from "./engines/process.mjs";

const startupMs = 180_000;

/** Whether a Docker daemon answers here, asked for at most a second. */
export const dockerAnswers = () => {
  const at = process.env.DOCKER_HOST ?? "unix:///var/run/docker.sock";
  const where = at.startsWith("unix://")
    ? { socketPath: at.slice("unix://".length) }
    : { host: new URL(at).hostname, port: new URL(at).port || 2375 };
  // A daemon behind TLS is known by its refusal of plain HTTP.
  return new Promise((resolve) => {
    const probe = request({ ...where, path: "/_ping", timeout: 1000 }, (answer) => {
      answer.resume();
      resolve(true);
    });
    probe.once("timeout", () => probe.destroy());
    probe.once("error", () => resolve(false));
    probe.end();
  });
};

const generic = async (image) => {
  // The tests stop what they start themselves; the reaper would be one more image to fetch.
  process.env.TESTCONTAINERS_RYUK_DISABLED ??= "true";
  const { GenericContainer, Wait } = await import("testcontainers");
  return { container: new GenericContainer(image).withStartupTimeout(startupMs), Wait };
};

const started = async (container, port, urlOf) => {
  const running = await container.start();
  return { url: urlOf(`${running.getHost()}:${running.getMappedPort(port)}`), stop: () => running.stop() };
};

const redis = async () => {
  const { container, Wait } = await generic("redis:7.4-alpine");
  container.withExposedPorts(6379).withCommand(["redis-server", "--save", "", "--appendonly", "no"]);
  return started(container.withWaitStrategy(Wait.forLogMessage(/Ready to accept connections/)), 6379, (at) => `redis://${at}`);
};

const mysql = async () => {
  const { container, Wait } = await generic("mysql:8.4");
  container
    .withExposedPorts(3306)
    .withEnvironment({ MYSQL_ROOT_PASSWORD: "dunlin", MYSQL_DATABASE: "dunlin" })
    // The image starts a first server, without a port, to make its data folder.
    .withWaitStrategy(Wait.forLogMessage(/ready for connections.*port: 3306/));
  return started(container, 3306, (at) => `mysql://root:dunlin@${at}/dunlin`);
};

const etcd = async () => {
  const { container, Wait } = await generic("quay.io/coreos/etcd:v3.5.21");
  const client = "http://0.0.0.0:2379";
  container
    .withExposedPorts(2379)
    .withCommand(["etcd", "--listen-client-urls", client, "--advertise-client-urls", client])
    .withWaitStrategy(Wait.forHttp("/health", 2379));
  return started(container, 2379, (at) => `http://${at}`);
};

const kafka = async () => {
  const { container, Wait } = await generic("apache/kafka:3.9.1");
  // Clients are told where to go by Kafka, so it must know the port it has outside.
  const port = await freePort();
  container
    .withExposedPorts({ container: 9092, host: port })
    .withEnvironment({
      KAFKA_NODE_ID: "1",
      KAFKA_PROCESS_ROLES: "broker,controller",
      KAFKA_LISTENERS: "PLAINTEXT://:9092,CONTROLLER://:9093",
      KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://localhost:${port}`,
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
      KAFKA_CONTROLLER_LISTENER_NAMES: "CONTROLLER",
      KAFKA_CONTROLLER_QUORUM_VOTERS: "1@localhost:9093",
      KAFKA_AUTO_CREATE_TOPICS_ENABLE: "false",
      KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: "1",
      KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: "1",
      KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: "1",
      KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: "0",
    })
    .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/));
  return started(container, 9092, () => `kafka://localhost:${port}`);
};

const minio = async () => {
  const { container, Wait } = await generic("minio/minio:RELEASE.2025-04-22T22-12-26Z");
  container
    .withExposedPorts(9000)
    .withEnvironment({ MINIO_ROOT_USER: "dunlin", MINIO_ROOT_PASSWORD: "dunlin-local" })
    // To MinIO a folder in its own is a bucket.
    .withEntrypoint(["sh", "-c", "mkdir -p /data/dunlin && exec minio server --quiet /data"])
    .withWaitStrategy(Wait.forHttp("/minio/health/ready", 9000));
  return started(container, 9000, (at) => `s3+http://dunlin:dunlin-local@${at}/dunlin`);
};

export const containers = { kafka, redis, mariadb: mysql, etcd, minio };
