import { ACCOUNT_TAKEN, CREDENTIALS_WRONG, type DunlinClient, DunlinError } from "@dunlin/client";

/** How the user got in. */
export type Entry = "resumed" | "logged in" | "registered";

/** With the login kept from last time, else with the password, else as a new account. @throws DunlinError */
export const enter = async (client: DunlinClient, account: string, password: string): Promise<Entry> => {
  if (client.accessToken !== undefined && client.user?.account === account) {
    try {
      await client.users.me();
      return "resumed";
    } catch (error) {
      if (!(error instanceof DunlinError) || !error.signedOut) throw error;
    }
  }
  try {
    await client.login({ account, password });
    return "logged in";
  } catch (error) {
    if (!(error instanceof DunlinError) || error.code !== CREDENTIALS_WRONG) throw error;
  }
  try {
    await client.register({ account, password, nickname: account });
    return "registered";
  } catch (error) {
    if (error instanceof DunlinError && error.code === ACCOUNT_TAKEN) {
      throw new DunlinError(CREDENTIALS_WRONG, `the account ${account} has another password: give it with --password`, { status: 401 });
    }
    throw error;
  }
};
