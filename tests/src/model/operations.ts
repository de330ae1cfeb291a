import fc from "fast-check";

export const USERS = 5;
export const DEVICES = 2;

/** What users do, how often each, and whether it goes to a message, a dialog, or a group. */
const weights = {
  send: 20,
  reply: 3,
  mention: 4,
  forward: 2,
  edit: 3,
  recall: 3,
  hide: 3,
  react: 5,
  unreact: 3,
  pinMessage: 3,
  unpinMessage: 2,
  read: 6,
  readBack: 2,
  markUnread: 2,
  pin: 2,
  unpin: 1,
  orderPins: 1,
  mute: 1,
  draft: 3,
  archive: 2,
  deleteDialog: 2,
  addMember: 3,
  removeMember: 1,
  leave: 2,
  join: 2,
  setRole: 1,
  transfer: 1,
  title: 1,
  block: 1,
  unblock: 2,
  disconnect: 3,
  connect: 3,
  startAnew: 1,
} as const;

export type OperationName = keyof typeof weights;

/** One step: `pick` and `other` choose among what is there when its turn comes, so that a shorter history still makes sense. */
export interface Operation {
  readonly name: OperationName;
  readonly user: number;
  readonly device: number;
  readonly pick: number;
  readonly other: number;
}

const PICKS = 10_000;

const operation: fc.Arbitrary<Operation> = fc.record({
  name: fc.oneof(
    ...Object.entries(weights).map(([name, weight]) => ({ weight, arbitrary: fc.constant(name as OperationName) })),
  ) as fc.Arbitrary<OperationName>,
  user: fc.nat(USERS - 1),
  device: fc.nat(DEVICES - 1),
  pick: fc.nat(PICKS - 1),
  other: fc.nat(PICKS - 1),
});

/** A history of a seed: the same seed gives the same one. */
export const historyOf = (seed: number, length: number): readonly Operation[] =>
  fc.sample(fc.noBias(fc.array(operation, { minLength: length, maxLength: length })), { seed, numRuns: 1 })[0] ?? [];

export const showOperation = ({ name, user, device, pick, other }: Operation): string =>
  `${name}(user ${user}.${device}, ${pick}, ${other})`;
