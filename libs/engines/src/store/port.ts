/**
 * The store: the truth about users, conversations, messages, mailboxes and offsets.
 *
 * Guarantees every engine gives:
 * - A write that resolved survives kill -9 of every process (SQLite synchronous=FULL, InnoDB flush at commit).
 * - `ingest.transaction` is atomic and READ COMMITTED with row locks; it is retried whole on deadlock and lock timeout.
 * - Ids compare bytewise; text keeps every Unicode character (utf8mb4).
