/** The column types a migration uses, by meaning. */
export interface ColumnTypes {
  /** An id: ASCII, compared bytewise. */
  readonly id: string;
  /** A key that callers choose: any Unicode, compared bytewise. */
  readonly key: string;
  /** A decimal snowflake, read back as text. */
  readonly messageId: string;
  /** A short word or digest of ours: ASCII. */
  readonly word: string;
  /** Text of people, any Unicode. */
  readonly text: string;
  readonly integer: string;
}

/** All that differs between the two SQL dialects in what is shared. */
export interface SqlDialect {
  readonly name: "sqlite" | "mysql";
  /** Whether rows are locked one by one (FOR UPDATE); else a transaction has the whole database to itself. */
  readonly rowLocks: boolean;
  readonly types: ColumnTypes;
  /** Whether CREATE TABLE takes the secondary indexes too. */
  readonly indexesInTable: boolean;
  /** Ends a CREATE TABLE whose primary key is composite; `plain` ends the others. */
  readonly tableEnd: { readonly clustered: string; readonly plain: string };
}
