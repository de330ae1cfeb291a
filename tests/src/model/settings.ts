import type { Settings } from "../support/settings.js";

/** Users of the model are quicker than people. */
export const modelSettings: Settings = { IM_RATE_SENDS_PER_S: "0", IM_RATE_OTHER_PER_S: "0", IM_RATE_LOOKUPS_PER_MIN: "0" };
