/** Every change of a conversation or of a user's view of one; key = conversation id. */
export const COMMANDS = "commands";
/** Messages that no device of a user is connected to receive; key = user id. */
export const PUSHES = "pushes";
/** Events for app servers; key = conversation id. */
export const WEBHOOKS = "webhooks";

/** What the connections of the broker at `slot` are to be sent; transient. */
export const deliveriesTopic = (slot: number): string => `deliveries.${slot}`;
/** Where records of `topic` go that cannot be applied. */
export const deadTopic = (topic: string): string => `${topic}.dead`;

/** Pub/sub channel for the outcome of commands that the process at `slot` waits for. */
export const resultsChannel = (slot: number): string => `results.${slot}`;
/** Pub/sub channel for orders to every gateway (close a session's connections …). */
export const CONTROL_CHANNEL = "control";

/** Pub/sub channel for fleeting signals to the gateway at `slot`: typing, a device's status, what a session watches. */
export const signalsChannel = (slot: number): string => `signals.${slot}`;
/** Users are spread over so many pub/sub channels: a gateway listens to those of the users that its clients watch. */
export const PRESENCE_BUCKETS = 256;
/** Pub/sub channel that names users of a bucket whose presence may have changed. */
export const presenceChannel = (bucket: number): string => `presence.${bucket}`;

/** The schema version written into, and accepted from, every queue record. */
export const SCHEMA_VERSION = 1;
