/** The column types a migration uses, by meaning. */
export interface ColumnTypes {
  /** An id: ASCII, compared bytewise. */
  readonly id: string;
  /** A key that callers choose: any Unicode, compared bytewise. */
  readonly key: string;
  /** A snowflake: 63 bits, bound as bigint, read back as bigint or text. */
  readonly messageId: string;
  /** A short word or digest of ours: ASCII. */
  readonly word: string;
  /** Text of people, any Unicode. */
  readonly text: string;
  readonly integer: string;
  /** A row's number, given by the engine: rising, with gaps. */
  readonly serial: string;
}

/** All that differs between the two SQL dialects in what is shared. */
export interface SqlDialect {
  readonly name: "sqlite" | "mysql";
  /** Whether rows are locked one by one (FOR UPDATE); else a transaction has the whole database to itself. */
  readonly rowLocks: boolean;
  readonly types: ColumnTypes;
  /** Whether CREATE TABLE takes the secondary indexes too. */
  readonly indexesInTable: boolean;
  /** Whether big rows may lie by a key that comes in no order. */
  readonly clustersCheaply: boolean;
  /** Ends a CREATE TABLE whose rows lie by primary key, or in the order they come in. */
  readonly tableEnd: { readonly clustered: string; readonly appended: string };
}
