import type { Route } from "../http/route.js";
import { authRoutes } from "./auth.js";
import { blockRoutes } from "./blocks.js";
import { contactRoutes } from "./contacts.js";
import { dialogViewRoutes } from "./dialog-views.js";
import { dialogRoutes } from "./dialogs.js";
import { dndRoutes } from "./dnd.js";
import { emailCodeRoutes } from "./email-codes.js";
import { fileRoutes } from "./files.js";
import { gatewayRoutes } from "./gateway.js";
import { groupGovernanceRoutes } from "./group-governance.js";
import { groupJoiningRoutes } from "./group-joining.js";
import { groupRoutes } from "./groups.js";
import { messageChangeRoutes } from "./message-changes.js";
import { messageRoutes } from "./messages.js";
import { presenceRoutes } from "./presence.js";
import { privacyRoutes } from "./privacy.js";
import { scheduledRoutes } from "./scheduled.js";
import { searchRoutes } from "./search.js";
import { sessionRoutes } from "./sessions.js";
import { supergroupRoutes } from "./supergroups.js";
import { updateRoutes } from "./updates.js";
import { userRoutes } from "./users.js";

/** Every operation, the busiest first. */
export const routes: readonly Route[] = [
  ...messageRoutes,
  ...updateRoutes,
  // Before what has {peer} where these have a word.
  ...dialogViewRoutes,
  ...dialogRoutes,
  ...gatewayRoutes,
  ...presenceRoutes,
  ...dndRoutes,
  ...scheduledRoutes,
  ...authRoutes,
  ...emailCodeRoutes,
  ...sessionRoutes,
  ...userRoutes,
  ...groupRoutes,
  ...groupGovernanceRoutes,
  ...blockRoutes,
  ...contactRoutes,
  ...messageChangeRoutes,
  ...groupJoiningRoutes,
  ...fileRoutes,
  ...searchRoutes,
  ...supergroupRoutes,
  ...privacyRoutes,
];
