import { AppError } from "@dunlin/runtime";
import { TransactionAborted, UniqueViolation, unavailable } from "../sql/errors.js";

/** The parts of a mysql2 error that say what happened: `errno` is the server's, absent when it did not answer. */
interface MysqlError extends Error {
  readonly errno?: number;
  readonly code?: string;
  readonly fatal?: boolean;
}

// Server error numbers: https://mariadb.com/kb/en/mariadb-error-codes/ and MySQL's server error reference.
const DUPLICATE = new Set([1062, 1586]);
/** Lock wait timeout, deadlock, record changed since it was read. */
const ABORTED = new Set([1205, 1213, 1020]);
/** Access denied (to the database, to the user), no such database. */
const SETUP = new Set([1044, 1045, 1049, 1698]);
/** Read-only servers: a connection to one that has been demoted is of no more use. */
const READ_ONLY = new Set([1290, 1792, 1836]);
/**
 * The server's trouble, not the statement's: full disk (1021, 1026, 1028, 1030, 1114), too many connections (1040, 1203, 1226),
 * shutting down or killed (1053, 1077, 1079, 1317, 1927, 3169), network (1129, 1130, 1152, 1158 to 1161, 1184), statement
 * time over (1969, 3024).
 */
const TROUBLE = new Set([
  1021, 1026, 1028, 1030, 1114, 1040, 1203, 1226, 1053, 1077, 1079, 1317, 1927, 3169, 1129, 1130, 1152, 1158, 1159, 1160, 1161, 1184, 1969,
  3024,
]);

/** Whether the connection must not be used again: lost, out of step after a timeout, or to a server that takes no writes. */
export const spoilsConnection = (error: unknown): boolean => {
  const { errno, code, fatal } = error as MysqlError;
  if (fatal === true || code === "PROTOCOL_SEQUENCE_TIMEOUT") return true;
  // Without a number of the server's it is the network or the driver.
  return errno === undefined || errno <= 0 || READ_ONLY.has(errno) || errno === 1053 || errno === 1927;
};

/** What may be logged of an error: mysql2's own carries the statement, and with it the texts of messages. */
const causeOf = ({ errno, code, message }: MysqlError): Error =>
  new Error(`MySQL: ${[code, errno].filter((part) => part !== undefined).join(" ")}: ${message.slice(0, 200)}`);

export const appErrorOf = (thrown: unknown): AppError => {
  if (thrown instanceof AppError) return thrown;
  if (thrown instanceof RangeError || thrown instanceof TypeError) return new AppError("INTERNAL", undefined, { cause: thrown });
  const { errno, message } = thrown as MysqlError;
  const error = causeOf(thrown as MysqlError);
  // What the network or the driver says has a code but no number of the server's.
  if (errno === undefined || errno <= 0) return unavailable("the store cannot be reached", error);
  if (DUPLICATE.has(errno)) return new UniqueViolation(/for key '([^']*)'$/.exec(message)?.[1] ?? "", error);
  if (ABORTED.has(errno)) return new TransactionAborted(error);
  if (SETUP.has(errno)) return unavailable(`the store's database cannot be used: ${message}`, error);
  if (READ_ONLY.has(errno) || TROUBLE.has(errno)) return unavailable("the store does not take this at the moment", error);
  return new AppError("INTERNAL", undefined, { cause: error });
};
