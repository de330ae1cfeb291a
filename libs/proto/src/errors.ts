/**
 * The one table of error codes. HTTP, gRPC and the documentation read it; nothing else defines a code.
 *
 * `http` is the HTTP status, `grpc` the gRPC status name, `retryable` whether the same request can succeed later
 * without a change, `en`/`zh` the text for people. Codes are stable: never reuse or renumber one.
 */
export interface ErrorInfo {
  readonly code: number;
  readonly http: number;
  readonly grpc: GrpcStatusName;
  readonly retryable: boolean;
  readonly en: string;
  readonly zh: string;
}

export type GrpcStatusName =
  | "OK"
  | "INVALID_ARGUMENT"
  | "NOT_FOUND"
  | "ALREADY_EXISTS"
  | "PERMISSION_DENIED"
  | "RESOURCE_EXHAUSTED"
  | "FAILED_PRECONDITION"
  | "ABORTED"
  | "UNIMPLEMENTED"
  | "INTERNAL"
  | "UNAVAILABLE"
  | "DEADLINE_EXCEEDED"
  | "UNAUTHENTICATED";

const row = (code: number, http: number, grpc: GrpcStatusName, retryable: boolean, en: string, zh: string): ErrorInfo => ({
  code,
  http,
  grpc,
  retryable,
  en,
  zh,
});

export const errors = {
  OK: row(0, 200, "OK", false, "ok", "成功"),
  INTERNAL: row(1, 500, "INTERNAL", true, "internal error", "内部错误"),
  BAD_REQUEST: row(400, 400, "INVALID_ARGUMENT", false, "the request is not valid", "请求无效"),
  FORBIDDEN: row(403, 403, "PERMISSION_DENIED", false, "not allowed", "没有权限"),
  NOT_FOUND: row(404, 404, "NOT_FOUND", false, "not found", "未找到"),
  METHOD_NOT_ALLOWED: row(405, 405, "UNIMPLEMENTED", false, "method not allowed", "不支持的请求方法"),
  CONFLICT: row(409, 409, "ALREADY_EXISTS", false, "conflicts with what is there", "与现有数据冲突"),
  TOO_LARGE: row(413, 413, "RESOURCE_EXHAUSTED", false, "too large", "内容过大"),
  UNSUPPORTED_MEDIA: row(
    415,
    415,
    "INVALID_ARGUMENT",
    false,
    "unsupported content type, charset or encoding",
    "不支持的内容类型、字符集或编码",
  ),
  RATE_LIMITED: row(429, 429, "RESOURCE_EXHAUSTED", true, "too many requests, slow down", "请求过于频繁"),
  HEADERS_TOO_LARGE: row(431, 431, "RESOURCE_EXHAUSTED", false, "request headers too large", "请求头过大"),
  UNAVAILABLE: row(503, 503, "UNAVAILABLE", true, "temporarily unavailable, try again", "服务暂时不可用，请稍后重试"),
  TIMEOUT: row(504, 504, "DEADLINE_EXCEEDED", true, "took too long", "处理超时"),
  CREDENTIALS_WRONG: row(701, 401, "UNAUTHENTICATED", false, "account or password is wrong", "账号或密码错误"),
  ACCOUNT_TAKEN: row(702, 409, "ALREADY_EXISTS", false, "this account name is taken", "该账号已被注册"),
  TOKEN_INVALID: row(706, 401, "UNAUTHENTICATED", false, "token missing or invalid", "令牌缺失或无效"),
  TOKEN_EXPIRED: row(707, 401, "UNAUTHENTICATED", false, "token expired, refresh it", "令牌已过期，请刷新"),
  REFRESH_REUSED: row(
    708,
    401,
    "UNAUTHENTICATED",
    false,
    "this refresh token was used before; the session is ended",
    "刷新令牌已被使用，会话已终止",
  ),
  CLIENT_MSG_ID_REUSED: row(
    801,
    409,
    "ALREADY_EXISTS",
    false,
    "this client_msg_id was used for another message",
    "该 client_msg_id 已用于另一条消息",
  ),
  PAYLOAD_TOO_LARGE: row(802, 413, "RESOURCE_EXHAUSTED", false, "the message payload is too large", "消息内容过大"),
  PEER_NOT_FOUND: row(803, 404, "NOT_FOUND", false, "no such peer", "会话对象不存在"),
  NOT_A_MEMBER: row(804, 403, "PERMISSION_DENIED", false, "not a member of this group", "不是该群成员"),
  GROUP_FULL: row(805, 409, "FAILED_PRECONDITION", false, "the group is full", "群成员已满"),
  QUEUE_FULL: row(806, 503, "UNAVAILABLE", true, "the queue is full, try again later", "队列已满，请稍后重试"),
  MUTED: row(830, 403, "PERMISSION_DENIED", false, "you are muted in this group", "您已被禁言"),
  GROUP_MUTED: row(831, 403, "PERMISSION_DENIED", false, "only the owner and admins may write in this group now", "该群已开启全员禁言"),
  SLOW_MODE: row(832, 429, "RESOURCE_EXHAUSTED", true, "slow mode: wait before the next message", "慢速模式：请稍后再发送"),
  BANNED: row(833, 403, "PERMISSION_DENIED", false, "banned from this group", "已被该群封禁"),
  GROUP_DISSOLVED: row(834, 410, "FAILED_PRECONDITION", false, "this group has been dissolved", "该群已解散"),
  LINK_INVALID: row(835, 404, "NOT_FOUND", false, "this invite link does not work (any more)", "邀请链接无效或已失效"),
  JOIN_REQUESTS_FULL: row(
    836,
    409,
    "FAILED_PRECONDITION",
    false,
    "too many people are waiting to be let into this group",
    "等待入群审批的人数过多",
  ),
  PEER_REFUSES: row(860, 403, "PERMISSION_DENIED", false, "this user cannot be reached by you", "你无法联系该用户"),
  ADD_REFUSED: row(861, 403, "PERMISSION_DENIED", false, "some of these users cannot be added by you", "你无法将其中部分用户加入群聊"),
  LIST_FULL: row(862, 409, "FAILED_PRECONDITION", false, "this list is full", "列表已满"),
  CHANGE_TOO_LATE: row(810, 409, "FAILED_PRECONDITION", false, "the time to change this message is over", "已超过可修改该消息的时限"),
  MESSAGE_RECALLED: row(811, 409, "FAILED_PRECONDITION", false, "this message was recalled", "该消息已被撤回"),
  EDITS_FULL: row(812, 409, "FAILED_PRECONDITION", false, "this message was edited too often", "该消息的编辑次数已达上限"),
  REACTIONS_FULL: row(813, 409, "FAILED_PRECONDITION", false, "too many different reactions to this message", "该消息的表情种类已达上限"),
  PINS_FULL: row(814, 409, "FAILED_PRECONDITION", false, "too many pinned messages in this conversation", "该会话的置顶消息已达上限"),
  MENTION_ALL_FORBIDDEN: row(
    815,
    403,
    "PERMISSION_DENIED",
    false,
    "only the owner and admins may mention everybody",
    "只有群主和管理员可以@所有人",
  ),
  MENTION_UNKNOWN: row(816, 400, "INVALID_ARGUMENT", false, "a mentioned user is not in this conversation", "被@的用户不在该会话中"),
  ORIGINAL_NOT_FOUND: row(817, 404, "NOT_FOUND", false, "no such message to forward", "要转发的消息不存在"),
  CONTACT_PAUSED: row(866, 429, "RESOURCE_EXHAUSTED", true, "this user has refused: ask again later", "对方已拒绝请求，请稍后再试"),
  ACCOUNT_DEACTIVATED: row(867, 403, "PERMISSION_DENIED", false, "this account is deactivated", "该账号已被停用"),
  REPLIED_NOT_FOUND: row(865, 404, "NOT_FOUND", false, "no such message in this conversation to reply to", "该会话中没有要回复的消息"),
  SEND_AT_WRONG: row(821, 400, "INVALID_ARGUMENT", false, "send_at lies in the past or too far ahead", "发送时间已过或过于遥远"),
  SCHEDULE_SETTLED: row(
    822,
    409,
    "FAILED_PRECONDITION",
    false,
    "this scheduled message was sent, was refused or was cancelled",
    "该定时消息已发送、已失败或已取消",
  ),
  NOT_CONNECTED: row(850, 409, "FAILED_PRECONDITION", false, "this device has no connection", "该设备未连接"),
  FILE_NOT_FOUND: row(870, 404, "NOT_FOUND", false, "no such file, or it is not shown to you", "文件不存在或无权查看"),
  FILE_TYPE_REFUSED: row(871, 415, "INVALID_ARGUMENT", false, "files of this type are not taken", "不支持该文件类型"),
  FILE_TOO_LARGE: row(872, 413, "RESOURCE_EXHAUSTED", false, "the file is too large", "文件过大"),
  FILE_NOT_UPLOADED: row(873, 409, "FAILED_PRECONDITION", false, "the file has not been uploaded", "文件尚未上传"),
  RANGE_OUTSIDE: row(875, 416, "INVALID_ARGUMENT", false, "the range lies outside of the file", "请求范围超出文件大小"),
  FILE_DAMAGED: row(874, 400, "INVALID_ARGUMENT", false, "what was uploaded is not what was announced", "上传内容与声明不符"),
  FILES_FULL: row(876, 409, "RESOURCE_EXHAUSTED", false, "your files take all the space there is for them", "您的文件存储空间已满"),
  GROUP_UPGRADED: row(
    840,
    409,
    "FAILED_PRECONDITION",
    false,
    "the group is closed: it goes on as a supergroup",
    "该群已升级为超级群，请使用新的群",
  ),
  OWNER_STAYS: row(
    841,
    409,
    "FAILED_PRECONDITION",
    false,
    "the owner hands the group over, or dissolves it, before leaving",
    "群主须先转让或解散该群才能退出",
  ),
  ADMINS_FULL: row(
    845,
    409,
    "FAILED_PRECONDITION",
    false,
    "this supergroup has as many admins as it may have",
    "该超级群的管理员人数已达上限",
  ),
  JOIN_REFUSED: row(
    846,
    403,
    "PERMISSION_DENIED",
    false,
    "the request to join was refused a short while ago",
    "入群申请刚被拒绝，请稍后再试",
  ),
  CODE_WRONG: row(880, 400, "INVALID_ARGUMENT", false, "the code is wrong or no longer good", "验证码错误或已失效"),
  EMAIL_REQUIRED: row(
    881,
    400,
    "INVALID_ARGUMENT",
    false,
    "an e-mail address and its code are needed to register",
    "注册需要邮箱地址及验证码",
  ),
  DIALOG_PINS_FULL: row(820, 409, "FAILED_PRECONDITION", false, "too many dialogs are pinned", "置顶会话数量已达上限"),
  SEARCH_EMPTY: row(882, 400, "INVALID_ARGUMENT", false, "there is nothing to search for: only signs", "搜索内容无效：仅包含符号"),
} as const satisfies Record<string, ErrorInfo>;

export type ErrorCode = keyof typeof errors;

const byNumber = new Map<number, ErrorCode>((Object.entries(errors) as [ErrorCode, ErrorInfo][]).map(([name, info]) => [info.code, name]));

/** The name of a numeric code, undefined for one that is not in the table. */
export const errorByNumber = (code: number): ErrorCode | undefined => byNumber.get(code);
