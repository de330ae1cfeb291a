/** The tables as kysely sees them. Integers may come back as text (see `rows.ts`). */
export interface Tables {
  users: {
    id: string;
    account: string;
    password_hash: string;
    nickname: string;
    avatar: string;
    created_at: number;
    bio: string | null;
    /** 0 for who is active. */
    deactivated_at: number;
  };
  /** Addresses in small letters. */
  user_emails: { email: string; user_id: string };
  email_codes: { email: string; purpose: string; hash: string; expires_at: number; wrong: number };
  sessions: {
    id: string;
    user_id: string;
    device_id: string;
    platform: string;
    refresh_hash: string;
    created_at: number;
    last_used_at: number;
    /** Brought forward when the session is revoked, so that one index finds all that has ended. */
    expires_at: number;
    revoked_at: number | null;
    /** The hash before `refresh_hash`, and when it was first replaced. */
    previous_hash: string | null;
    replaced_at: number | null;
  };
  /** The head of each user's update log: the newest pts, and the one up to which the log is trimmed. */
  mailboxes: { user_id: string; pts: number; min_pts: number };
  conversations: {
    id: string;
    kind: string;
    last_seq: number;
    title: string | null;
    avatar: string | null;
    owner_id: string | null;
    created_at: number;
    /** Of two users: bits that say what they are to each other. */
    relation: number;
    /** Of supergroups only, like the next five. */
    member_count: number;
    message_count: number;
    top_seq: number;
    active_at: number;
    origin_id: string | null;
    origin_seq: number;
    successor_id: string | null;
  };
  members: {
    conversation_id: string;
    user_id: string;
    role: string;
    joined_seq: number;
    joined_at: number;
    muted_until: number;
    last_sent_at: number;
  };
  group_settings: {
    conversation_id: string;
    announcement: string | null;
    slow_mode_s: number;
    muted_until: number;
    join_mode: string;
    link: string | null;
    link_expires_at: number;
    link_max_uses: number;
    link_uses: number;
    dissolved_at: number;
  };
  restrictions: {
    conversation_id: string;
    user_id: string;
    banned_at: number;
    banned_by: string;
    muted_until: number;
    last_sent_at: number;
  };
  join_requests: {
    conversation_id: string;
    user_id: string;
    message: string;
    requested_at: number;
    expires_at: number;
    refused: number;
  };
  messages: {
    conversation_id: string;
    seq: number;
    id: string | bigint;
    type: string;
    sender_id: string;
    recipient_id: string;
    client_msg_id: string;
    payload: string;
    mentions: string | null;
    reply_to: string | null;
    created_at: number;
    server_ts: number;
    body_hash: string;
    forwarded_from: string | null;
    edits: number;
    edited_at: number | null;
    recalled_at: number | null;
  };
  /** Versions of payloads that edits have replaced. */
  message_edits: { message_id: string | bigint; edit_no: number; payload: string; written_at: number; replaced_at: number };
  /** Messages that users have deleted for themselves. */
  hidden_messages: { user_id: string; conversation_id: string; seq: number; hidden_at: number };
  reactions: { message_id: string | bigint; user_id: string; emoji: string; reacted_at: number };
  /** How many rows `reactions` has for a message and an emoji. */
  reaction_counts: { message_id: string | bigint; emoji: string; total: number; first_at: number };
  pins: { conversation_id: string; seq: number; message_id: string | bigint; pinned_by: string; pinned_at: number };
  updates: {
    user_id: string;
    pts: number;
    type: string;
    conversation_id: string;
    seq: number;
    body: string | null;
    created_at: number;
  };
  dialogs: {
    user_id: string;
    peer: string;
    /** Both null for two users, whose conversation follows from them. */
    conversation_id: string | null;
    kind: string | null;
    top_seq: number;
    read_seq: number;
    unread: number;
    unread_mentions: number;
    pinned: number;
    muted_until: number;
    draft: string | null;
    archived: number;
    marked_unread: number;
    cleared_seq: number;
    hidden: number;
    left_seq: number | null;
    left_title: string | null;
    left_avatar: string | null;
    updated_at: number;
    read_count: number;
  };
  contacts: { user_id: string; peer: string; state: string; remark: string | null; message: string | null; since: number };
  contact_refusals: { user_id: string; peer: string; refused_at: number };
  blocks: { user_id: string; peer: string; since: number };
  privacy: { user_id: string; messages_from: string; added_by: string; last_seen_by: string; found_by_account: number };
  files: {
    id: string;
    owner_id: string;
    name: string;
    size: number;
    type: string;
    state: string;
    created_at: number;
    expires_at: number | null;
    width: number;
    height: number;
  };
  file_refs: { file_id: string; message_id: string | bigint; conversation_id: string; seq: number };
  avatars: { file_id: string; holder: string };
  /** Messages that the search index has yet to take in: ids joined by commas. */
  search_notes: { no: number; noted_at: number; message_ids: string };
  supergroup_updates: {
    conversation_id: string;
    seq: number;
    type: string;
    body: string;
    created_at: number;
    message_seq: number | null;
  };
  /** What follows for unread from messages behind a member's read position: see `SupergroupMark`. */
  supergroup_marks: { conversation_id: string; mark: string; seq: number; sender_id: string; lies_in: string };
  /** How far members have read, for those who have read anything. */
  supergroup_reads: { conversation_id: string; user_id: string; read_seq: number; joined_seq: number };
  dnd: { user_id: string; snooze_until: number; schedule: string | null; allow_mentions: number };
  scheduled_messages: {
    user_id: string;
    id: string;
    client_msg_id: string;
    body: string;
    body_hash: string;
    send_at: number;
    state: string;
    version: number;
    created_at: number;
    updated_at: number;
    message_id: string | null;
    code: number;
    /** When it is to be tried next; null unless open. */
    due_at: number | null;
    /** When it was sent, failed or cancelled; null while open. */
    settled_at: number | null;
    attempts: number;
  };
  consumer_offsets: { topic: string; partition_no: number; next_offset: number | null; batch_begin: number };
  job_tokens: { job: string; token: number; newest_due_at: number };
  job_runs: {
    job: string;
    due_at: number;
    token: number;
    owner: string;
    claimed_at: number;
    finished_at: number | null;
    outcome: string | null;
    done: number;
  };
}
