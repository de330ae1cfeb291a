/** Whose part an operation is, in the words of the documentation, where several operations share the rule. */
export const who = {
  self: "Every user, about oneself alone.",
  anybody: "Anybody; no token is needed.",
  members: "The group's members; to anybody else `NOT_A_MEMBER`, whether there is such a group or not.",
  leaders:
    "The group's owner and admins; other members get `FORBIDDEN`, anybody else `NOT_A_MEMBER`, whether there is such a group or not.",
  owner: "The group's owner; other members get `FORBIDDEN`, anybody else `NOT_A_MEMBER`, whether there is such a group or not.",
  dialog:
    "Who has the dialog: of a 1:1 both sides, of a group its members, and who has left or was removed, up to there. " +
    "To anybody else `NOT_A_MEMBER`, whether there is such a group or not.",
  reader:
    "Who may see the message: both sides of a 1:1, in a group who was a member when it was sent and has not deleted it. " +
    "To anybody else `NOT_FOUND`, whether there is such a message or not.",
  urlHolder: "Whoever has the URL: it is signed, for one file and for a while.",
} as const;
